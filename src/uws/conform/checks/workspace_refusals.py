"""What is refused when a workspace is made or changed, in which order and words (contract §§3.2, 3.3)."""

from __future__ import annotations

from uws.conform.original import ACCEPTED, ANY_500, PAGE_500, OriginalFault
from uws.conform.run import Json, Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity

GROUP = Group("workspace-refusals", "§3.2")

UNKNOWN_TYPE = "no_such_job_type"
NOT_OFFERED = f"{UNKNOWN_TYPE} is not in the list of available job types."
LINKS = "'symlinks' index must contain a list."
FILES = "'files' index must contain a list."
FILE_DOTS = "File name cannot contain double dots."
LINK_DOTS = "Symlink name cannot contain double dots."


def _refuses(
    run: Run, details: object, begins: str = "", original: OriginalFault | None = None, **fields: object
) -> None:
    answer = run.create(run.first, workspace_details=details, **fields)
    if not run.refused(answer, 400, begins, original=original):
        _name_the_case(run, {"workspace_details": details, **fields})


def _name_the_case(run: Run, body: Json) -> None:
    """Say in the last finding what was sent, since many cases share one path."""
    for notes in (run.findings, run.known_faults):
        if notes and "with" not in notes[-1].request:
            last = notes[-1]
            notes[-1] = type(last)(f"{last.request} with {str(body)[:120]}", last.found, last.expected)


@GROUP.check("json", "A body that is no JSON is 400 with `Invalid JSON: `.")
def json(run: Run) -> None:
    for raw in (b"", b"{", b"name=x", b"\xff\xfe"):
        original = PAGE_500 if raw[:1] == b"\xff" else None
        run.refused(run.create_raw(run.first, raw=raw), 400, "Invalid JSON: ", original=original)


@GROUP.check("missing", "name and description are required.")
def missing(run: Run) -> None:
    bodies: tuple[object, ...] = ({}, {"name": "x"}, {"description": "x"}, [])
    for body in bodies:
        run.refused(run.create_raw(run.first, body=body), 400, "Missing required fields.")


@GROUP.check("no-object", "A body that is no object is 400.", Severity.misleads)
def no_object(run: Run) -> None:
    for body in (None, 7, "text"):
        run.refused(run.create_raw(run.first, body=body), 400, original=PAGE_500)


@GROUP.check("null-text", "A name or description of null is 400.", Severity.misleads)
def null_text(run: Run) -> None:
    for fields in ({"name": None}, {"description": None}):
        answer = run.create(run.first, **fields)
        run.refused(answer, 400, original=PAGE_500)


@GROUP.check(
    "long-name", "A name of more than 64 characters is 400; one of 64 is none too long.", Severity.misleads
)
def long_name(run: Run) -> None:
    answer = run.create(run.first, name="n" * 65)
    run.refused(answer, 400, original=ACCEPTED if answer.status == 200 else PAGE_500)
    run.succeeded(run.create(run.first, name="n" * 64))


@GROUP.check("job-type", "An unknown default job type is 400.")
def job_type(run: Run) -> None:
    run.refused(run.create(run.first, default_job_type=UNKNOWN_TYPE), 400, NOT_OFFERED)


@GROUP.check("details", "workspace_details has to be an object.")
def details(run: Run) -> None:
    values: tuple[object, ...] = ("text", [], None)
    for value in values:
        _refuses(run, value, "Workspace details not JSON.")


@GROUP.check("lists", "files and symlinks have to be lists.")
def lists(run: Run) -> None:
    _refuses(run, {"symlinks": "text"}, LINKS)
    _refuses(run, {"files": "text"}, FILES)
    for value in (None, 7):
        _refuses(run, {"files": value}, FILES, PAGE_500)


@GROUP.check(
    "entries", "Entries without a name, or with content that is no text, are 400.", Severity.misleads
)
def entries(run: Run) -> None:
    for file in ("text", {}, {"name": ""}, {"name": "a.txt", "content": 7}):
        _refuses(run, {"files": [file]}, "", PAGE_500)
    _refuses(run, {"symlinks": ["text"]}, "", PAGE_500)


@GROUP.check("paths", "Names that leave the workspace are 400.")
def paths(run: Run) -> None:
    for name in ("../a.txt", "a..b", "a/../../b"):
        _refuses(run, {"files": [{"name": name}]}, FILE_DOTS)
    _refuses(run, {"symlinks": [{"name": "../a", "source_path": "/nowhere"}]}, LINK_DOTS)
    # An absolute name of a link is not tried: the original makes it, outside the workspace.
    _refuses(run, {"files": [{"name": "/abs.txt"}]}, "Invalid file path specified")


@GROUP.check("link-source", "A link to what is not there is the caller's mistake: 400.", Severity.misleads)
def link_source(run: Run) -> None:
    for link in ({"name": "a", "source_path": "/no/such/path"}, {"name": "a", "path": "/"}, {"name": "a"}):
        _refuses(run, {"symlinks": [link]}, "", ANY_500)


@GROUP.check("order", "The first mistake in the contract's order is the one that is told.")
def order(run: Run) -> None:
    both = {"symlinks": "x", "files": "x"}
    answer = run.create_raw(run.first, body={"name": "x", "default_job_type": UNKNOWN_TYPE})
    run.refused(answer, 400, "Missing required fields.")
    _refuses(run, "text", NOT_OFFERED, default_job_type=UNKNOWN_TYPE)
    _refuses(run, both, NOT_OFFERED, default_job_type=UNKNOWN_TYPE)
    _refuses(run, both, LINKS)


@GROUP.check("nothing-left", "A refused creation leaves no workspace behind.")
def nothing_left(run: Run) -> None:
    text = f"{run.name} refused"
    run.create(
        run.first, description=text, workspace_details={"files": [{"name": "ok.txt"}, {"name": "../x"}]}
    )
    rows = run.listed(run.send("GET", f"/workspaces/?description={text}", token=run.first), "workspaces")
    run.expect(rows == [], f"GET /workspaces/?description={text}", "a workspace", "an empty list")


@GROUP.check("update", "A change is refused in the same words, and then changes nothing.", section="§3.3")
def update(run: Run) -> None:
    path = f"/workspaces/{run.mine}/"
    before = (run.read_workspace(run.mine) or {}).get("description")
    for body, begins, original in (
        ({"description": "x", "default_job_type": UNKNOWN_TYPE}, NOT_OFFERED, None),
        ({"description": "x", "workspace_details": "text"}, "Workspace details not JSON.", None),
        ({"description": "x", "workspace_details": {"symlinks": "text"}}, LINKS, None),
        ({"description": "x", "workspace_details": {"files": [{"name": "../x"}]}}, FILE_DOTS, None),
        ({"description": "x", "name": None}, "", PAGE_500),
        ({"description": "x", "workspace_details": {"files": [{}]}}, "", PAGE_500),
        ([], "", PAGE_500),
    ):
        answer = run.send("PUT", path, token=run.first, body=body)
        if not run.refused(answer, 400, begins, original=original):
            _name_the_case(run, {"body": body})
    bad = run.send("PUT", path, token=run.first, raw=b"{", headers={"Content-Type": "application/json"})
    run.refused(bad, 400, "Invalid JSON: ")
    after = (run.read_workspace(run.mine) or {}).get("description")
    run.expect(after == before, f"GET {path}", f"the description {after!r}", repr(before))
