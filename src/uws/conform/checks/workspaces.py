"""Workspaces: made, read, changed, uploaded to, deleted (contract §3)."""

from __future__ import annotations

from uws.conform.checks.ground import UNKNOWN_ID
from uws.conform.conversation import Answer
from uws.conform.original import PAGE_500
from uws.conform.run import Json, Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity, Skip

GROUP = Group("workspaces", "§3")

KEYS = {
    *("id", "name", "description", "disk_space", "datetime_created", "datetime_last_modified"),
    *("datetime_last_job_launch", "workspace_details", "status", "default_job_type"),
}
NEVER = {"file_path", "user", "user_id", "owner"}
NONE_FOUND = "Workspace matching given parameters could not be found."
STATES = ("initializing", "idle", "active", "deleting", "error")
SCAN_SECONDS = 30.0
DELETE_SECONDS = 60.0


@GROUP.check(
    "create",
    "A created workspace is answered whole: 200, its object under data.workspace, idle.",
    section="§3.2",
)
def create(run: Run) -> None:
    answer = run.create(run.first)
    body = run.succeeded(answer, "Successful.")
    made = run.part(body, "data", "workspace")
    _object(run, answer.request, made)
    run.expect(made.get("name") == run.name, answer.request, made.get("name"), "the name as sent")
    run.expect(made.get("status") == "idle", answer.request, made.get("status"), "the status idle")
    for key in ("datetime_last_modified", "datetime_last_job_launch", "default_job_type"):
        run.expect(made.get(key) is None, answer.request, f"{key} {made.get(key)!r}", f"{key} null")


def _object(run: Run, request: str, found: Json) -> None:
    run.keys(request, found, KEYS, NEVER)
    run.expect(isinstance(found.get("id"), int), request, found.get("id"), "a whole number as id")
    run.expect(
        isinstance(found.get("disk_space"), int), request, found.get("disk_space"), "disk_space in bytes"
    )
    run.expect(found.get("status") in STATES, request, found.get("status"), f"one of {', '.join(STATES)}")
    run.time(request, found.get("datetime_created"))
    for key in ("datetime_last_modified", "datetime_last_job_launch"):
        run.time(request, found.get(key), may_be_null=True)
    for kind in ("request_workspace_details", "current_workspace_details"):
        details = run.part(found, "workspace_details", kind)
        for key in ("files", "symlinks"):
            run.expect(isinstance(details.get(key), list), request, details, f"a list {key} in {kind}")


@GROUP.check(
    "create-with-files",
    "Files are made, told as sent but for their content, and found by the scan.",
    section="§3.2",
)
def create_with_files(run: Run) -> None:
    files = [
        {"name": "analysis/notebook.ipynb", "content": '{"cells": []}'},
        {"name": "empty.txt"},
        {"name": ".hidden/secret.txt", "content": "x"},
    ]
    made = run.workspace(run.first, workspace_details={"files": files})
    asked = run.part(made, "workspace_details", "request_workspace_details")
    names = [{"name": file["name"]} for file in files]
    run.expect(
        asked.get("files") == names, "POST /workspaces/", asked.get("files"), "the files without content"
    )

    def seen() -> list[str]:
        current = run.part(
            run.read_workspace(made["id"]) or {}, "workspace_details", "current_workspace_details"
        )
        return sorted(str(file.get("name")) for file in current.get("files", []) if isinstance(file, dict))

    wanted = ["/analysis/notebook.ipynb", "/empty.txt"]
    run.wait(f"files of workspace {made['id']}", lambda: set(wanted) <= set(seen()), SCAN_SECONDS)
    hidden = [name for name in seen() if "/." in name]
    run.expect(not hidden, f"GET /workspaces/{made['id']}/", hidden, "no hidden entries")
    size_bytes = (run.read_workspace(made["id"]) or {}).get("disk_space")
    run.expect(
        size_bytes == 14, f"GET /workspaces/{made['id']}/", size_bytes, "disk_space 14, hidden files included"
    )


@GROUP.check("create-with-links", "Links are made, told as sent, and listed under symlinks.", section="§3.2")
def create_with_links(run: Run) -> None:
    if run.plan.link_source is None:
        raise Skip("needs a path on the server that may be linked to (--link-source)")
    links = [{"name": "datasets/linked", "source_path": run.plan.link_source}]
    made = run.workspace(run.first, workspace_details={"symlinks": links})
    asked = run.part(made, "workspace_details", "request_workspace_details")
    run.expect(
        asked.get("symlinks") == links, "POST /workspaces/", asked.get("symlinks"), "the links as sent"
    )

    def is_seen() -> bool:
        current = run.part(
            run.read_workspace(made["id"]) or {}, "workspace_details", "current_workspace_details"
        )
        return {"name": "/datasets/linked"} in current.get("symlinks", [])

    run.wait(f"links of workspace {made['id']}", is_seen, SCAN_SECONDS)


@GROUP.check(
    "default-job-type",
    "default_job_type is stored as it is sent: a key, an empty string or null.",
    section="§3.2",
)
def default_job_type(run: Run) -> None:
    run.require_job_type()
    for value in (run.plan.job_type, "", None):
        made = run.workspace(run.first, default_job_type=value)
        found = made.get("default_job_type")
        run.expect(found == value, "POST /workspaces/", f"default_job_type {found!r}", repr(value))


@GROUP.check("list", "The list has the whole objects of one's own workspaces.", section="§3.1")
def listing(run: Run) -> None:
    mine, theirs = run.mine, run.theirs
    answer = run.send("GET", "/workspaces/", token=run.first)
    run.succeeded(answer, "Successful.")
    rows = {row.get("id"): row for row in run.listed(answer, "workspaces")}
    run.expect(mine in rows, answer.request, "not the own workspace", "every own workspace")
    run.expect(theirs not in rows, answer.request, "another user's workspace", "own workspaces only")
    for row in list(rows.values())[:20]:
        _object(run, answer.request, row)


@GROUP.check("one", "One workspace is a list of one.", section="§3.1")
def one(run: Run) -> None:
    answer = run.send("GET", f"/workspaces/{run.mine}/", token=run.first)
    run.succeeded(answer, "Successful.")
    rows = run.listed(answer, "workspaces")
    run.expect([row.get("id") for row in rows] == [run.mine], answer.request, rows, "that workspace alone")


@GROUP.check("unknown", "An unknown id is 200 with an empty list, as another user's is.", section="§3.1")
def unknown(run: Run) -> None:
    answers = [run.send("GET", f"/workspaces/{UNKNOWN_ID}/", token=run.first)]
    answers.append(run.send("GET", "/workspaces/?name=no-such-name-anywhere", token=run.first))
    for answer in answers:
        run.succeeded(answer, NONE_FOUND)
        run.expect(run.listed(answer, "workspaces") == [], answer.request, answer.shown, "an empty list")
    foreign = run.send("GET", f"/workspaces/{run.theirs}/", token=run.first)
    same = foreign.content == answers[0].content
    run.expect(same, foreign.request, foreign.shown, "the very answer of an unknown id")


@GROUP.check("zero", "The id 0 is an unknown id.", Severity.misleads, section="§3.1")
def zero(run: Run) -> None:
    number_of_own = run.mine
    answer = run.send("GET", "/workspaces/0/", token=run.first)
    rows = run.listed(answer, "workspaces")
    if rows:
        note = run.known if number_of_own in {row.get("id") for row in rows} else run.fail
        note(answer.request, "a list of workspaces", "an empty list")


@GROUP.check(
    "filters", "name, description and status are exact, case-sensitive and all have to hold.", section="§3.1"
)
def filters(run: Run) -> None:
    text = f"{run.name} Filtered"
    made = run.workspace(run.first, description=text)["id"]

    def found(query: str) -> set[object]:
        rows = run.listed(run.send("GET", f"/workspaces/?{query}", token=run.first), "workspaces")
        return {row.get("id") for row in rows}

    for query, is_found in (
        (f"description={text}", True),
        (f"description={text}&status=idle", True),
        (f"description={text}&name={run.name}", True),
        (f"description={text}&random=1", True),
        (f"description={text.lower()}", False),
        (f"description={text[:-1]}", False),
        (f"description={text}&status=error", False),
    ):
        fits = (made in found(query)) is is_found
        wanted = "the workspace found" if is_found else "the workspace not found"
        run.expect(fits, f"GET /workspaces/?{query}", "the opposite", wanted)


@GROUP.check("update", "A change is 200 without data, and changes what it names.", section="§3.3")
def update(run: Run) -> None:
    made = run.workspace(run.first)["id"]
    path = f"/workspaces/{made}/"
    body = {
        "description": "changed",
        "workspace_details": {"files": [{"name": "more/new.txt", "content": "12"}]},
    }
    answer = run.send("PUT", path, token=run.first, body=body)
    changed = run.succeeded(answer, "Update successful.")
    run.expect("data" not in changed, answer.request, changed, "no data")
    found = run.read_workspace(made) or {}
    run.expect(found.get("description") == "changed", answer.request, found.get("description"), "'changed'")
    run.expect(found.get("name") == run.name, answer.request, found.get("name"), "the name as it was")
    run.time(f"GET {path}", found.get("datetime_last_modified"))
    details = run.part(found, "workspace_details")
    files = run.part(details, "current_workspace_details").get("files", [])
    run.expect({"name": "/more/new.txt"} in files, f"GET {path}", files, "the new file at once")
    asked = run.part(details, "request_workspace_details").get("files")
    run.expect(asked == [], f"GET {path}", asked, "request_workspace_details as it was at creation")


@GROUP.check(
    "empty-update", "An empty change is accepted, and sets datetime_last_modified.", Severity.detail, "§3.3"
)
def empty_update(run: Run) -> None:
    made = run.workspace(run.first)["id"]
    run.succeeded(run.send("PUT", f"/workspaces/{made}/", token=run.first, body={}), "Update successful.")
    run.time("PUT /workspaces/<id>/", (run.read_workspace(made) or {}).get("datetime_last_modified"))


@GROUP.check(
    "not-ones-own", "A change of what is unknown or another's is 404 in the same words.", section="§3.3"
)
def not_ones_own(run: Run) -> None:
    for number in (UNKNOWN_ID, run.theirs):
        sentence = f"Workspace {number} not found for user."
        path = f"/workspaces/{number}/"
        run.refused(run.send("PUT", path, token=run.first, body={"name": "x"}), 404, sentence)
        run.refused(run.send("PUT", f"{path}start/", token=run.first, body={}), 404, sentence)
        run.refused(run.send("PUT", f"{path}nonsense/", token=run.first, body={}), 404, sentence)
        files = [("file", ("x.txt", b"x"))]
        run.refused(run.send("PUT", f"{path}upload/", token=run.first, files=files), 404, sentence)
        run.refused(run.send("DELETE", path, token=run.first), 404, sentence)


@GROUP.check(
    "owned-by-server", "A request cannot set what is the server's: status, owner, sizes.", section="§3.3"
)
def owned_by_server(run: Run) -> None:
    fields = {"status": "error", "disk_space": 12345, "id": UNKNOWN_ID, "user_id": 1, "file_path": "/"}
    made = run.workspace(run.first, **fields)
    run.succeeded(run.send("PUT", f"/workspaces/{made['id']}/", token=run.first, body=fields))
    found = run.read_workspace(made["id"]) or {}
    run.expect(found.get("status") == "idle", "POST and PUT", found.get("status"), "the status idle")
    run.expect(found.get("disk_space") != 12345, "POST and PUT", found.get("disk_space"), "the true size")


@GROUP.check(
    "upload", "An upload is 200 without data; only the last part of its name counts.", section="§3.5"
)
def upload(run: Run) -> None:
    made = run.workspace(run.first)["id"]
    answer = _upload(run, made, ("anything", ("../../six.txt", b"123456")))
    run.expect(
        "data" not in run.succeeded(answer, "Successful upload."), answer.request, answer.shown, "no data"
    )
    answer = _upload(run, made, ("a", ("one.txt", b"1")), ("b", ("two.txt", b"22")), put_type="UPLOAD")
    run.succeeded(answer, "Successful upload.")
    _has_files(run, made, "/six.txt", "/one.txt", "/two.txt")


@GROUP.check(
    "upload-one-field", "Several files under one field name are all kept.", Severity.misleads, "§3.5"
)
def upload_one_field(run: Run) -> None:
    made = run.workspace(run.first)["id"]
    run.succeeded(_upload(run, made, ("file", ("one.txt", b"1")), ("file", ("two.txt", b"2"))))
    _has_files(run, made, "/two.txt")
    files = _files(run, made)
    if "/one.txt" not in files:
        run.known(f"PUT /workspaces/{made}/upload/", files, "both files")


@GROUP.check("upload-nothing", "An upload without files is 400; another content type is 415.", section="§3.5")
def upload_nothing(run: Run) -> None:
    path = f"/workspaces/{run.mine}/upload/"
    none = "No files found in request."
    run.refused(run.send("PUT", path, token=run.first, body={"file": "x"}), 400, none)
    form = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nx\r\n--b--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    run.refused(run.send("PUT", path, token=run.first, raw=form, headers=kind), 400, none)
    bad_json = run.send("PUT", path, token=run.first, raw=b"{", headers={"Content-Type": "application/json"})
    run.refused(bad_json, 400, "JSON parse error - ")
    text = run.send("PUT", path, token=run.first, raw=b"x", headers={"Content-Type": "text/plain"})
    run.refused(text, 415, 'Unsupported media type "text/plain" in request.')


@GROUP.check("put-type", "Another PUT type is 400.", Severity.misleads, "§3.5")
def put_type(run: Run) -> None:
    answer = run.send("PUT", f"/workspaces/{run.mine}/nonsense/", token=run.first, body={})
    run.refused(answer, 400, "Invalid PUT type passed.")


def _upload(
    run: Run, workspace_id: int, *files: tuple[str, tuple[str, bytes]], put_type: str = "upload"
) -> Answer:
    return run.send("PUT", f"/workspaces/{workspace_id}/{put_type}/", token=run.first, files=files)


def _files(run: Run, workspace_id: int) -> set[str]:
    current = run.part(
        run.read_workspace(workspace_id) or {}, "workspace_details", "current_workspace_details"
    )
    return {str(file.get("name")) for file in current.get("files", []) if isinstance(file, dict)}


def _has_files(run: Run, workspace_id: int, *names: str) -> None:
    what = f"files of workspace {workspace_id}"
    run.wait(what, lambda: set(names) <= _files(run, workspace_id), SCAN_SECONDS)


@GROUP.check("delete", "A deletion is accepted with 200, and the workspace vanishes.", section="§3.6")
def delete(run: Run) -> None:
    made = run.workspace(run.first, workspace_details={"files": [{"name": "a/b/c.txt"}]})["id"]
    path = f"/workspaces/{made}/"
    run.succeeded(run.send("DELETE", path, token=run.first), f"Workspace {made} queued for deletion.")
    run.wait(f"DELETE {path}", lambda: _is_gone_or_deleting(run, made), DELETE_SECONDS)
    run.wait(f"DELETE {path}", lambda: run.read_workspace(made) is None, DELETE_SECONDS)


def _is_gone_or_deleting(run: Run, workspace_id: int) -> bool:
    found = run.read_workspace(workspace_id)
    return found is None or found.get("status") == "deleting"


@GROUP.check("delete-twice", "A second deletion does no harm.", Severity.misleads, "§3.6")
def delete_twice(run: Run) -> None:
    made = run.workspace(run.first)["id"]
    path = f"/workspaces/{made}/"
    run.succeeded(run.send("DELETE", path, token=run.first))
    again = run.send("DELETE", path, token=run.first)
    if again.status != 200:
        run.refused(again, 404, f"Workspace {made} not found for user.", original=PAGE_500)

    def last() -> str:
        found = run.read_workspace(made)
        status = "gone" if found is None else str(found.get("status"))
        return status if status in ("gone", "error") else ""

    if run.wait(f"DELETE {path}", last, DELETE_SECONDS) == "error":
        run.known(f"DELETE {path}", "the workspace again, with status error", "no workspace")
