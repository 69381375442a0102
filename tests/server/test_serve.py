"""`uws serve`: the first start, the next one, its mistakes, and its end."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import sqlite3
import stat
import subprocess
from pathlib import Path

import httpx2
import pytest
from tests.conftest import wait_until
from tests.server.conftest import UWS, Serve, environment, run_uws, write_config

ROLES = {"web-1", "passthrough-1", "reconciler-1", "worker-short-1", "worker-long-1"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "data-dir"
    write_config(path)
    return path


def pids(data_dir: Path) -> dict[str, int]:
    return {path.stem: int(path.read_text()) for path in (data_dir / "run").glob("*.pid")}


def test_the_first_start_makes_everything_and_greets_with_a_link(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    link = served.word_after("Sign in")
    assert httpx2.get(link.replace("localhost", "127.0.0.1")).status_code == 200
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "secret.key").stat().st_mode) == 0o600
    assert set(pids(data_dir)) == ROLES


def test_a_start_without_a_configuration_writes_one_that_loads(tmp_path: Path) -> None:
    done = run_uws("migrate", data_dir=tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert set(json.loads((tmp_path / "new" / "config.json").read_text())["available_job_types"]) >= {
        "jupyter_lab"
    }


def test_a_next_start_keeps_the_accounts_and_gives_a_new_link(serve: Serve, data_dir: Path) -> None:
    first = serve(data_dir)
    first_link = first.word_after("Sign in")
    assert first.end() == 0
    second = serve(data_dir)
    assert second.word_after("Sign in") != first_link
    with sqlite3.connect(data_dir / "uws.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM accounts_user").fetchone() == (1,)
    database.close()


def test_sigterm_ends_it_with_0_and_leaves_no_pid_files(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    assert served.get("/healthz").status_code == 200
    assert served.end() == 0
    assert pids(data_dir) == {}


def test_a_killed_web_process_is_started_again_on_the_same_port(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    assert served.get("/healthz").status_code == 200
    first = pids(data_dir)["web-1"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: pids(data_dir).get("web-1", first) != first)
    assert served.get("/healthz").status_code == 200


def test_after_a_killed_supervisor_a_new_start_gets_the_same_port(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    assert served.get("/healthz").status_code == 200
    left = pids(data_dir)
    served.process.kill()
    again = serve(data_dir, served.port)
    assert again.get("/healthz").status_code == 200
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left.values()), 15)


def test_a_second_serve_of_the_same_directory_is_refused(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    assert served.get("/healthz").status_code == 200
    done = run_uws("serve", "--port", "0", data_dir=data_dir)
    assert done.returncode == 1
    assert done.stderr == (
        f"{data_dir} is already being served by process {served.process.pid}; stop it, or choose another --data-dir.\n"
    )


@pytest.mark.parametrize(("option", "other"), [("--port", "--jobs-port"), ("--jobs-port", "--port")])
def test_a_port_in_use_is_one_sentence(data_dir: Path, option: str, other: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_uws("serve", option, str(port), other, "0", data_dir=data_dir)
    assert done.returncode == 1
    assert done.stderr == (
        f"Port {port} on 127.0.0.1 is in use; stop what uses it, or choose another with {option}.\n"
    )


def test_a_host_that_is_not_ours_is_one_sentence(data_dir: Path) -> None:
    done = run_uws("serve", "--host", "192.0.2.1", "--port", "0", data_dir=data_dir)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "192.0.2.1 is not an address of this machine" in done.stderr


def test_a_data_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for impossible in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/uws")):
        done = run_uws("serve", "--port", "0", data_dir=impossible)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert str(impossible) in done.stderr


def test_every_mistake_of_the_configuration_is_a_line_of_its_own(data_dir: Path) -> None:
    config = json.loads((data_dir / "config.json").read_text())
    config["main_storage"] = "locl"
    config["server"] = {"web_workers": "two", "host": ["x"]}
    (data_dir / "config.json").write_text(json.dumps(config))
    done = run_uws("serve", "--port", "0", data_dir=data_dir)
    assert done.returncode == 78
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    for place in ("$.main_storage", "$.server.web_workers", "$.server.host"):
        assert any(place in line for line in lines)


def test_a_database_of_a_newer_version_is_one_sentence(data_dir: Path) -> None:
    assert run_uws("migrate", data_dir=data_dir).returncode == 0
    database = sqlite3.connect(data_dir / "uws.sqlite3")
    database.execute(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('jobs', '9999_later', '2030-01-01')"
    )
    database.commit()
    database.close()
    done = run_uws("serve", "--port", "0", data_dir=data_dir)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "newer version of this server (it has jobs.9999_later)" in done.stderr


def test_a_file_that_is_no_database_is_one_sentence(data_dir: Path) -> None:
    assert run_uws("migrate", data_dir=data_dir).returncode == 0
    (data_dir / "uws.sqlite3").write_text("no database" * 1000)
    done = run_uws("serve", "--port", "0", data_dir=data_dir)
    assert done.returncode == 1
    assert done.stderr == "The database (sqlite) can't be used: file is not a database.\n"


def test_a_role_alone_needs_a_migrated_database(data_dir: Path) -> None:
    done = run_uws("worker", "--queue", "short", data_dir=data_dir)
    assert done.returncode == 1
    assert "run `uws migrate` first" in done.stderr


def test_a_link_made_by_the_command_leads_to_the_port_that_is_served(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    name = served.word_after("Sign in") and pwd.getpwuid(os.geteuid()).pw_name
    done = run_uws("admin", "user", "sign-in-link", name, data_dir=data_dir)
    assert done.stdout.startswith(f"http://localhost:{served.port}/sign-in/"), done.stderr


def test_a_request_that_has_begun_is_answered_after_sigterm(serve: Serve, data_dir: Path) -> None:
    served = serve(data_dir)
    assert served.get("/healthz").status_code == 200
    with served.connect() as connection:
        connection.sendall(b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nuser")
        wait_until(lambda: has_connection_of(served.port, connection))
        served.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(served.port))
        connection.sendall(b"name=x")
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
    assert served.end() == 0


def has_connection_of(port: int, connection: socket.socket) -> bool:
    """True once the server has accepted the connection and read all that was sent (tcp(7), /proc/net/tcp)."""
    here, there = (f"{number:04X}" for number in (connection.getsockname()[1], port))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{there}") and fields[2].endswith(f":{here}"):
            return fields[4].endswith(":00000000") and fields[9] != "0"
    return False


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(
    ("command", "pid_name"),
    [
        (["web", "--port", "0"], "web-1"),
        (["passthrough", "--jobs-port", "0"], "passthrough-1"),
        (["reconcile"], "reconciler-1"),
        (["worker", "--queue", "long"], "worker-long-1"),
    ],
)
def test_each_role_runs_alone_and_ends_with_0(data_dir: Path, command: list[str], pid_name: str) -> None:
    assert run_uws("migrate", data_dir=data_dir).returncode == 0
    arguments = [*UWS, *command, "--data-dir", str(data_dir)]
    with subprocess.Popen(arguments, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: pids(data_dir).get(pid_name) == process.pid)
        wait_until(lambda: handles_sigterm(process.pid))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
    assert (process.returncode, errors) == (0, "")
    assert pids(data_dir) == {}


def handles_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught & (1 << (signal.SIGTERM - 1)))
