"""The exit code of each way to fail, and one sentence for each."""

from __future__ import annotations

import socket

import pytest
from tests.cli.remote.conftest import Shell

EVERY_COMMAND = [
    ("workspaces", "list"),
    ("workspaces", "show", "999"),
    ("workspaces", "create", "Cells"),
    ("workspaces", "delete", "999", "--yes"),
    ("jobs", "list"),
    ("jobs", "show", "999"),
    ("jobs", "show", "999", "--watch"),
    ("jobs", "start", "999", "--type", "brief"),
    ("jobs", "stop", "999"),
    ("files", "list", "999"),
    ("files", "upload", "999", __file__),
    ("logs", "999"),
    ("open", "999"),
]
OF_SOMETHING = [command for command in EVERY_COMMAND if "999" in command]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_a_server_that_is_not_there_is_exit_code_1_and_one_sentence(
    nobody: Shell, command: tuple[str, ...]
) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{found.getsockname()[1]}"
        run = nobody(*command, UWS_URL=url, UWS_TOKEN="uws_x")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"{url} cannot be reached: ")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_a_wrong_token_is_exit_code_4(ada: Shell, command: tuple[str, ...]) -> None:
    run = ada(*command, UWS_TOKEN="0" * 40)
    assert (run.returncode, run.stdout, run.stderr) == (4, "", "Invalid token provided.\n")


def test_nobody_is_told_how_to_log_in(nobody: Shell) -> None:
    run = nobody("workspaces", "list")
    assert run.returncode == 4
    assert run.stderr == "Not logged in. Log in with `uws login URL`, or set UWS_URL and UWS_TOKEN.\n"


@pytest.mark.parametrize("command", OF_SOMETHING, ids=" ".join)
def test_what_is_not_there_is_exit_code_3(ada: Shell, command: tuple[str, ...]) -> None:
    run = ada(*command)
    assert (run.returncode, run.stdout) == (3, "")
    assert "999 not found" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("jobs", "show"),
        ("jobs", "show", "twelve"),
        ("jobs", "show", "0"),
        ("jobs", "list", "-o", "xml"),
        ("jobs", "start", "1", "--memory", "4"),
        ("jobs", "start", "1", "--memory", "-4G"),
        ("jobs", "start", "1", "--time", "2x"),
        ("jobs", "start", "1", "--time", "30s"),
        ("jobs", "start", "1", "--cpus", "0"),
        ("jobs", "start", "1", "--timeout", "soon"),
        ("jobs", "start", "1", "--set", "word"),
        ("jobs", "start", "1", "--set", 'word={"a":'),
        ("jobs", "start", "1", "--set", "a=1", "--set", "a=2"),
        ("workspaces", "create", "Cells", "--link", "data"),
        ("workspaces", "create", "Cells", "--file", "/no/such/file"),
        ("workspaces", "create", "Cells", "--file", __file__, "--file", __file__),
        ("files", "upload", "1"),
        ("files", "upload", "1", "/no/such/file"),
        ("workspaces", "delete", "1", "--no"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2(nobody: Shell, command: tuple[str, ...]) -> None:
    run = nobody(*command)
    assert (run.returncode, run.stdout) == (2, "")
    assert "Usage: " in run.stderr


def test_a_refused_field_is_named(ada: Shell) -> None:
    run = ada("workspaces", "create", "x" * 65)
    assert run.returncode == 1
    assert "/name: found 65 characters, expected at most 64 characters" in run.stderr


def test_a_broken_proxy_is_exit_code_1(nobody: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        import threading

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad")

        thread = threading.Thread(target=answer)
        thread.start()
        run = nobody("jobs", "list", UWS_URL=url, UWS_TOKEN="uws_x")
        thread.join()
    assert run.returncode == 1
    assert run.stderr == f"{url} did not answer as a User Workspaces Server does: status 502, nothing.\n"
