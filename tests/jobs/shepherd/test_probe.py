"""Ready means that the job's own application answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.jobs.shepherd.jobs import PYTHON, Job, wait_until

from uws.jobs.shepherd_record import LaunchProbe

Start = Callable[..., Job]

SERVER = """
import _socket, os, sys, time
def serve(port, *answers, delay=0.0):
    time.sleep(delay)
    listener = _socket.socket(); listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port)); listener.listen(8)
    answers = list(answers)
    while True:
        connection = _socket.socket(fileno=listener._accept()[0])
        request = b""
        while b"\\r\\n\\r\\n" not in request:
            data = connection.recv(4096)
            if not data: break
            request += data
        if request:
            print(request.decode().replace("\\r", ""), flush=True)
            for part in (answers.pop(0) if len(answers) > 1 else answers[0]).split(b"|"):
                connection.sendall(part); time.sleep(0.05)
        connection.close()
port = int(sys.argv[1])
"""
OK = rb"b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'".decode()
BUSY = rb"b'HTTP/1.1 503 Busy\r\n\r\n'".decode()
PROBE = LaunchProbe("/api/status?at={port}", {"Authorization": "token secret"}, timeout_seconds=20)


@pytest.fixture
def application(start: Start) -> Start:
    """`application(line, **fields)`: a program that is given its port and runs the line."""

    def begin(line: str, **fields: Any) -> Job:
        command = [PYTHON, "-I", "-S", "-c", SERVER + line, "{port}"]
        return start(command, **{"needs_port": True, "probe": PROBE, **fields})

    return begin


@contextmanager
def stranger(port: int) -> Iterator[list[bytes]]:
    """Somebody else's program on the job's port; what it was sent is noted."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", port)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_job_is_ready_once_it_answers(application: Start) -> None:
    job = application(f"serve(port, {OK}, delay=0.2)")
    record = job.reaches("ready")
    assert record.port is not None
    assert record.port >= 1024
    assert record.ready_at is not None
    assert record.process_at is not None
    assert 0.2 <= record.ready_at - record.process_at < 1.0
    request = job.output()
    assert request.startswith(f"GET /api/status?at={record.port} HTTP/1.1\nHost: localhost:{record.port}\n")
    assert "\nAuthorization: token secret\n" in request
    job.stop()
    assert job.ends().reason == "cancelled"


def test_probing_stops_once_the_job_is_ready(application: Start) -> None:
    job = application(f"serve(port, {OK})")
    job.reaches("ready")
    wait_until("samples follow", lambda: len(job.raw()["samples"]) >= 4)
    assert job.output().count("GET ") == 1


def test_another_status_than_the_expected_is_asked_again(application: Start) -> None:
    job = application(f"serve(port, {BUSY}, {BUSY}, {OK})")
    job.reaches("ready")
    assert job.output().count("GET ") == 3


def test_any_of_the_expected_statuses_will_do(application: Start) -> None:
    probe = LaunchProbe("/", {}, expect_status=(200, 503), timeout_seconds=20)
    job = application(f"serve(port, {BUSY})", probe=probe)
    job.reaches("ready")


def test_an_answer_that_comes_in_pieces_is_understood(application: Start) -> None:
    application("serve(port, b'HT|TP/1.0 20|0 OK|\\r\\n\\r\\n')").reaches("ready")


def test_a_listener_in_a_grandchild_with_its_own_session_is_the_job_s(application: Start) -> None:
    job = application(f"if os.fork() == 0:\n    os.setsid(); serve(port, {OK})\ntime.sleep(60)")
    job.reaches("ready")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("b'HTTP/1.1 500 Oh\\r\\n\\r\\n'", "it answered with status 500"),
        ("b'SSH-2.0-OpenSSH\\r\\n'", "it did not answer in HTTP"),
        ("b'x' * 9000", "it did not answer in HTTP"),
    ],
)
def test_a_wrong_answer_is_told_in_the_end(application: Start, answer: str, problem: str) -> None:
    probe = LaunchProbe("/", {}, timeout_seconds=0.8)
    record = application(f"serve(port, {answer})", probe=probe).ends()
    assert record.reason == "port_never_answered"
    assert record.message is not None
    assert f"({problem})" in record.message


def test_a_stranger_on_the_port_is_sent_nothing(start: Start) -> None:
    probe = LaunchProbe("/", {"Authorization": "token secret"}, timeout_seconds=1)
    job = start(["sleep", "60"], needs_port=True, probe=probe)
    port = job.reaches("running").port
    assert port is not None
    with stranger(port) as heard:
        record = job.ends()
        assert heard
        assert set(heard) == {b""}
    assert record.reason == "port_never_answered"
    assert record.message is not None
    assert "another program listens there" in record.message


def test_a_stop_is_obeyed_while_an_application_takes_long_to_answer(application: Start) -> None:
    job = application("serve(port, b'|' * 1000 + b'HTTP')")
    wait_until("it was asked", lambda: "GET " in job.output())
    job.stop()
    assert job.ends(2).reason == "cancelled"


def test_a_job_that_ends_before_it_is_ready_has_its_own_reason(application: Start) -> None:
    record = application("sys.exit(9)").ends()
    assert (record.reason, record.exit_code, record.ready_at) == ("failed", 9, None)


def test_placeholders_are_replaced_and_nothing_else(start: Start) -> None:
    job = start(
        [
            "sh",
            "-c",
            'echo "$@"; echo "$PLACE"',
            "sh",
            "{port}",
            "{host}",
            "{job_directory}",
            "{0} {} {x} %s",
        ],
        environment={"PLACE": "{job_directory}/{port}"},
        needs_port=True,
    )
    record = job.ends()
    here = job.directory
    assert job.output() == f"{record.port} 127.0.0.1 {here} {{0}} {{}} {{x}} %s\n{here}/{record.port}\n"


def test_a_job_without_a_port_keeps_the_words_as_they_are(start: Start) -> None:
    job = start(["echo", "{port}", "{host}"])
    assert job.ends().port is None
    assert job.output() == "{port} {host}\n"
