"""`uws login`, `uws logout`, and whose token goes where."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import time

import pytest
from tests.cli.remote.conftest import UWS, Shell
from tests.client.serving import Running


def log_in(shell: Shell, server: Running) -> None:
    run = shell("login", server.url, "--token-stdin", typed=f"{server.ada}\n")
    assert run.returncode == 0, run.stderr


def test_a_login_is_kept_where_only_its_owner_reads_it(nobody: Shell, server: Running) -> None:
    log_in(nobody, server)
    assert stat.S_IMODE(nobody.login_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(nobody.login_file.parent.stat().st_mode) == 0o700
    assert json.loads(nobody.login_file.read_text()) == {"url": server.url, "token": server.ada}
    assert list(nobody.login_file.parent.iterdir()) == [nobody.login_file]
    assert nobody("jobs", "list").returncode == 0


def test_the_token_is_never_printed(nobody: Shell, server: Running) -> None:
    good = nobody("login", server.url, "--token-stdin", typed=f"{server.ada}\n")
    wrong = nobody("login", server.url, "--token-stdin", typed=f"{server.ada}x\n")
    assert (good.returncode, wrong.returncode) == (0, 4)
    printed = good.stdout + good.stderr + wrong.stdout + wrong.stderr
    assert server.ada not in printed


def test_a_wrong_token_is_not_kept(nobody: Shell, server: Running) -> None:
    run = nobody("login", server.url, "--token-stdin", typed=f"{'0' * 40}\n")
    assert (run.returncode, run.stderr) == (4, "Invalid token provided.\n")
    assert not nobody.login_file.exists()


def test_the_token_is_asked_for_without_an_echo(nobody: Shell, server: Running) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*UWS, "login", server.url],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=nobody.environment,
        start_new_session=True,
    )
    os.close(follower)
    shown = read_terminal(leader, until=b"Token: ")
    os.write(leader, f"{server.ada}\n".encode())
    shown += read_terminal(leader, until=b"Logged in")
    assert process.wait(20) == 0
    os.close(leader)
    assert server.ada.encode() not in shown
    assert json.loads(nobody.login_file.read_text())["token"] == server.ada


def read_terminal(descriptor: int, until: bytes) -> bytes:
    shown, deadline = b"", time.monotonic() + 20
    while until not in shown:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, shown
        shown += os.read(descriptor, 4096)
    return shown


@pytest.mark.parametrize("typed", ["", "\n", "two words\n"])
def test_no_usable_token_is_a_usage_error(nobody: Shell, server: Running, typed: str) -> None:
    run = nobody("login", server.url, "--token-stdin", typed=typed)
    assert run.returncode == 2
    assert not nobody.login_file.exists()


def test_without_a_terminal_the_token_is_not_asked_for(nobody: Shell, server: Running) -> None:
    run = nobody("login", server.url, typed="uws_x\n")
    assert run.returncode == 2
    assert "--token-stdin" in run.stderr


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a.example.org", "https://ada:pass@a.example.org"])
def test_an_address_that_is_none_is_a_usage_error(nobody: Shell, url: str) -> None:
    run = nobody("login", url, "--token-stdin", typed="uws_x\n")
    assert run.returncode == 2
    assert "address" in run.stderr
    assert "pass@" not in run.stderr


def test_a_logout_forgets_the_token(nobody: Shell, server: Running) -> None:
    log_in(nobody, server)
    assert nobody("logout").returncode == 0
    assert not nobody.login_file.exists()
    assert nobody("jobs", "list").returncode == 4
    assert nobody.done("logout") == "Nobody was logged in.\n"


def test_the_environment_wins_over_what_is_kept(nobody: Shell, server: Running) -> None:
    log_in(nobody, server)
    assert nobody("jobs", "list", UWS_TOKEN="0" * 40).returncode == 4
    nobody.login_file.write_text(json.dumps({"url": "http://127.0.0.1:1", "token": "wrong"}))
    assert nobody("jobs", "list", UWS_URL=server.url, UWS_TOKEN=server.ada).returncode == 0


def test_a_kept_token_goes_to_no_other_server(nobody: Shell, server: Running) -> None:
    log_in(nobody, server)
    assert nobody("jobs", "list", UWS_URL=f"{server.url}/").returncode == 0
    run = nobody("jobs", "list", UWS_URL="http://127.0.0.1:1")
    assert run.returncode == 4
    assert run.stderr == (
        "No token is known for http://127.0.0.1:1. Set UWS_TOKEN, or `uws login http://127.0.0.1:1`.\n"
    )


def test_a_login_that_others_can_read_is_not_used(nobody: Shell, server: Running) -> None:
    log_in(nobody, server)
    nobody.login_file.chmod(0o644)
    run = nobody("jobs", "list")
    assert run.returncode == 1
    assert "expected mode 0600" in run.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1, "token": "x"}'])
def test_a_broken_login_file_is_said_to_be_one(nobody: Shell, text: str) -> None:
    nobody.login_file.parent.mkdir(parents=True)
    nobody.login_file.write_text(text)
    nobody.login_file.chmod(0o600)
    run = nobody("jobs", "list")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "Log in anew" in run.stderr


def test_the_config_directory_is_where_xdg_says(nobody: Shell, server: Running) -> None:
    elsewhere = nobody.home / "elsewhere"
    shell = Shell(nobody.home, {"XDG_CONFIG_HOME": str(elsewhere)})
    log_in(shell, server)
    assert (elsewhere / "uws" / "login.json").exists()
    assert not nobody.login_file.exists()


def test_a_token_over_plain_http_to_elsewhere_is_warned_of(nobody: Shell) -> None:
    run = nobody("login", "http://uws.invalid", "--token-stdin", typed="uws_x\n")
    assert run.returncode == 1
    assert run.stderr.startswith("Warning: over http:// the token travels unencrypted.\n")
