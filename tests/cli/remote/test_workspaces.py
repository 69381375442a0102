"""`uws workspaces …` and `uws files …`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.remote.conftest import Shell
from tests.client.serving import Running


def make(shell: Shell, name: str, *more: str) -> Any:
    return json.loads(shell.done("workspaces", "create", name, "-o", "json", *more))


def test_a_workspace_is_made_with_files_and_links(ada: Shell, server: Running, tmp_path: Path) -> None:
    one, two = tmp_path / "one.bin", tmp_path / "two.txt"
    one.write_bytes(bytes(range(256)) * 5000)
    two.write_text("two")
    source = server.data_dir / "data" / "cells.txt"
    files = ("--file", str(one), "--file", str(two))
    made = make(ada, "Atlas", "--description", "Cells", *files, "--link", f"data/cells={source}")
    assert (made["name"], made["description"]) == ("Atlas", "Cells")
    current = made["workspace_details"]["current_workspace_details"]
    assert sorted(file["name"] for file in current["files"]) == ["/one.bin", "/two.txt"]
    assert current["symlinks"] == [{"name": "/data/cells"}]
    (directory,) = (server.data_dir / "workspaces").glob(f"*/{made['id']}")
    assert (directory / "one.bin").read_bytes() == one.read_bytes()
    assert (directory / "data" / "cells").read_text() == "cells"


def test_workspaces_are_listed_as_a_table(ada: Shell) -> None:
    made = make(ada, "Listed")
    lines = ada.done("workspaces", "list").splitlines()
    assert lines[0].split() == ["ID", "NAME", "STATUS", "SIZE", "CREATED"]
    (line,) = [line for line in lines if line.startswith(f"{made['id']} ")]
    assert line.split()[:5] == [str(made["id"]), "Listed", "idle", "0", "B"]


def test_json_is_the_apis_own_objects(ada: Shell) -> None:
    made = make(ada, "As JSON")
    listed = json.loads(ada.done("workspaces", "list", "-o", "json"))
    lines = ada.done("workspaces", "list", "-o", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == listed
    assert listed[0] == made == json.loads(ada.done("workspaces", "show", str(made["id"]), "-o", "json"))


def test_an_empty_list_leaves_nothing_for_programs_and_a_hint_for_people(grace: Shell) -> None:
    run = grace("workspaces", "list")
    assert (run.returncode, run.stdout) == (0, "")
    assert run.stderr == "No workspaces. Make one with `uws workspaces create NAME`.\n"
    assert grace.done("workspaces", "list", "-o", "json") == "[]\n"
    assert grace.done("workspaces", "list", "-o", "jsonl") == ""


def test_a_long_name_is_not_cut_where_no_terminal_is(ada: Shell) -> None:
    name = "a workspace whose name is as long as it may be, for all the rows"
    made = make(ada, name)
    assert name in ada.done("workspaces", "list")
    assert name in ada.done("workspaces", "show", str(made["id"]))


def test_a_name_can_neither_steer_nor_colour_the_terminal(ada: Shell) -> None:
    make(ada, "[red]plain[/red] \x1b[31mred")
    printed = ada.done("workspaces", "list")
    assert "[red]plain[/red] \ufffd[31mred" in printed
    assert "\x1b" not in printed


def test_uploaded_files_are_listed(ada: Shell, tmp_path: Path) -> None:
    number = str(make(ada, "Files")["id"])
    (tmp_path / "b.txt").write_text("b")
    (tmp_path / "a.txt").write_text("a")
    printed = ada.done("files", "upload", number, str(tmp_path / "b.txt"), str(tmp_path / "a.txt"))
    assert printed == f"Uploaded 2 files into workspace {number}.\n"
    lines = ada.done("files", "list", number).splitlines()
    assert [line.split() for line in lines] == [["KIND", "NAME"], ["file", "/a.txt"], ["file", "/b.txt"]]
    listed = json.loads(ada.done("files", "list", number, "-o", "json"))
    assert listed == [{"name": "/a.txt", "kind": "file"}, {"name": "/b.txt", "kind": "file"}]


def test_a_deletion_is_asked_about_first(ada: Shell) -> None:
    number = str(make(ada, "To go")["id"])
    refused = ada("workspaces", "delete", number, typed="y\n")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--yes" in refused.stderr
    ada.done("workspaces", "show", number)
    assert ada.done("workspaces", "delete", number, "--yes") == f"Workspace {number} is being deleted.\n"


def test_a_failed_upload_says_that_the_workspace_is_there(ada: Shell) -> None:
    run = ada("workspaces", "create", "Half made", "--file", "/proc/self/mem")  # opens, and cannot be read
    assert (run.returncode, run.stdout) == (1, "")
    first, second = run.stderr.splitlines()
    assert first.endswith("was made, but its files could not be uploaded:")
    assert second == "Input/output error."
