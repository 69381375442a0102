"""The server's side: hostile records, refused launches."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from uws.jobs.shepherd_record import (
    RECORD_SIZE_LIMIT_BYTES,
    LaunchFile,
    LaunchProbe,
    parse_record,
    render_launch,
)

KEY = "uws-3f2a-12-1"


def content() -> dict[str, Any]:
    return {
        "version": 1,
        "launch_key": KEY,
        "shepherd": {"pid": 12, "start_time_ticks": 34, "boot_id": "6fb5e237-9e8c-433d-86c5-b15ecea49b2c"},
        "host": "node1",
        "phase": "ready",
        "times": {"started": 1.5, "process": 2.5, "ready": 3.5, "ended": None},
        "port": 40001,
        "command_pid": 13,
        "cpu_seconds": 0.25,
        "memory_bytes": 1000,
        "peak_memory_bytes": 2000,
        "exit_code": None,
        "signal": None,
        "reason": None,
        "message": None,
        "samples": [{"time": 2.75, "cpu_seconds": 0.2, "memory_bytes": 900}],
    }


def changed(path: str, value: object) -> bytes:
    record = content()
    *parents, last = path.split(".")
    place = record
    for name in parents:
        place = place[name]
    place[last] = value
    return json.dumps(record).encode()


def test_a_record_is_read() -> None:
    record = parse_record(json.dumps(content()).encode(), KEY)
    assert record is not None
    assert (record.phase, record.port, record.ready_at, record.shepherd.pid) == ("ready", 40001, 3.5, 12)
    assert record.samples[0].memory_bytes == 900


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2),
        ("launch_key", "uws-3f2a-12-2"),
        ("launch_key", None),
        ("launch_key", [KEY]),
        ("shepherd", None),
        ("shepherd", [1]),
        ("shepherd.pid", 0),
        ("shepherd.pid", -1),
        ("shepherd.pid", 2**31),
        ("shepherd.pid", "12"),
        ("shepherd.pid", True),
        ("shepherd.pid", 12.0),
        ("shepherd.start_time_ticks", -1),
        ("shepherd.boot_id", "x" * 65),
        ("shepherd.boot_id", ""),
        ("host", "node\n1"),
        ("host", "x" * 256),
        ("host", "\ud800"),
        ("host", None),
        ("phase", "flying"),
        ("phase", ["ready"]),
        ("phase", "ended"),
        ("reason", "success"),
        ("reason", "boredom"),
        ("times", None),
        ("times.started", None),
        ("times.started", -1),
        ("times.started", 1e12),
        ("times.ready", "now"),
        ("port", 22),
        ("port", 65536),
        ("port", 40001.5),
        ("command_pid", 0),
        ("cpu_seconds", -0.1),
        ("cpu_seconds", None),
        ("cpu_seconds", 1e300),
        ("memory_bytes", 2**61),
        ("memory_bytes", 1.5),
        ("peak_memory_bytes", None),
        ("exit_code", 256),
        ("exit_code", -1),
        ("signal", 0),
        ("signal", 65),
        ("message", 5),
        ("samples", None),
        ("samples", {}),
        ("samples", [None]),
        ("samples", [{"time": 1, "cpu_seconds": 1}]),
        ("samples", [{"time": 1, "cpu_seconds": 1, "memory_bytes": 1}] * 61),
    ],
)
def test_a_record_that_is_not_as_the_shepherd_writes_it_is_none(path: str, value: object) -> None:
    assert parse_record(changed(path, value), KEY) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"text"',
        b"\xff\xfe",
        b"\x00" * 100,
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b"9" * 60_000,
        json.dumps(content()).encode().replace(b"0.25", b"NaN"),
        json.dumps(content()).encode().replace(b"0.25", b"Infinity"),
        json.dumps(content()).encode().replace(b"0.25", b"1e999"),
        json.dumps(content()).encode().replace(b"1000", b"1" * 5000),
        json.dumps(content()).encode() + b" " * RECORD_SIZE_LIMIT_BYTES,
    ],
)
def test_what_is_no_record_is_none(data: bytes) -> None:
    assert parse_record(data, KEY) is None


@pytest.mark.parametrize("name", sorted(content()))
def test_a_record_without_one_of_its_fields_is_none_or_says_null(name: str) -> None:
    record = content()
    del record[name]
    optional = {"port", "command_pid", "exit_code", "signal", "reason", "message"}
    assert (parse_record(json.dumps(record).encode(), KEY) is None) is (name not in optional)


def test_a_message_may_quote_anything_and_is_made_fit_to_show() -> None:
    record = parse_record(changed("message", "a\x1b[31m\x00\n\ud800" + "x" * 5000), KEY)
    assert record is not None
    assert record.message is not None
    assert record.message.startswith("a\N{REPLACEMENT CHARACTER}[31m" + 3 * "\N{REPLACEMENT CHARACTER}" + "x")
    assert len(record.message) == 1000
    record.message.encode()


LAUNCH = LaunchFile(
    launch_key=KEY,
    command=["echo", "hello"],
    environment={"HOME": "/home/ada"},
    working_directory="/home/ada",
    output="/home/ada/output.log",
    cpu_count=2,
)
PROBE = LaunchProbe("/api/status", {"Authorization": "token x"})


def test_a_launch_file_says_what_the_shepherd_needs() -> None:
    launch = replace(LAUNCH, needs_port=True, probe=PROBE, prologue=[["true"]], time_limit_seconds=60)
    assert json.loads(render_launch(launch)) == {
        "version": 1,
        "launch_key": KEY,
        "command": ["echo", "hello"],
        "environment": {"HOME": "/home/ada"},
        "working_directory": "/home/ada",
        "output": "/home/ada/output.log",
        "time_limit_seconds": 60,
        "memory_limit_bytes": None,
        "cpu_count": 2,
        "stop_grace_seconds": 10.0,
        "port": {"needed": True, "host": "127.0.0.1"},
        "probe": {
            "path": "/api/status",
            "headers": {"Authorization": "token x"},
            "expect_status": [200],
            "timeout_seconds": 120.0,
        },
        "notify_socket": None,
        "prologue": [["true"]],
    }


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("command", lambda x: replace(x, command=[])),
        ("command", lambda x: replace(x, command=[""])),
        ("command", lambda x: replace(x, command="echo")),
        ("command", lambda x: replace(x, command=["echo", "a\0b"])),
        ("prologue[0]", lambda x: replace(x, prologue=[[]])),
        ("environment", lambda x: replace(x, environment={"A=B": "1"})),
        ("environment", lambda x: replace(x, environment={"": "1"})),
        ("environment.A", lambda x: replace(x, environment={"A": "1\0"})),
        ("working_directory", lambda x: replace(x, working_directory="here")),
        ("output", lambda x: replace(x, output="out.log")),
        ("time_limit_seconds", lambda x: replace(x, time_limit_seconds=0)),
        ("time_limit_seconds", lambda x: replace(x, time_limit_seconds=float("nan"))),
        ("memory_limit_bytes", lambda x: replace(x, memory_limit_bytes=-1)),
        ("cpu_count", lambda x: replace(x, cpu_count=0)),
        ("stop_grace_seconds", lambda x: replace(x, stop_grace_seconds=-1)),
        ("probe", lambda x: replace(x, probe=PROBE)),
        ("probe.path", lambda x: replace(x, needs_port=True, probe=replace(PROBE, path="status"))),
        ("probe.path", lambda x: replace(x, needs_port=True, probe=replace(PROBE, path="/a b"))),
        ("probe.path", lambda x: replace(x, needs_port=True, probe=replace(PROBE, path="/\r\nX: y"))),
        (
            "probe.headers",
            lambda x: replace(x, needs_port=True, probe=replace(PROBE, headers={"A": "b\r\nC: d"})),
        ),
        ("probe.headers", lambda x: replace(x, needs_port=True, probe=replace(PROBE, headers={"A:": "b"}))),
        (
            "probe.expect_status",
            lambda x: replace(x, needs_port=True, probe=replace(PROBE, expect_status=())),
        ),
        (
            "probe.timeout_seconds",
            lambda x: replace(x, needs_port=True, probe=replace(PROBE, timeout_seconds=0)),
        ),
    ],
)
def test_a_launch_that_cannot_be_carried_out_is_refused_by_field(
    field: str, change: Callable[[LaunchFile], LaunchFile]
) -> None:
    with pytest.raises(ValueError, match=r"found .* expected") as refusal:
        render_launch(change(LAUNCH))
    assert str(refusal.value).startswith(field + ":")
