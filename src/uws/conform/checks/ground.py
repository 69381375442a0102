"""The ground rules: paths, methods, headers, envelopes, CORS (contract §1)."""

from __future__ import annotations

from uws.conform.conversation import Answer
from uws.conform.original import PAGE_404, PAGE_500, REDIRECT, OriginalFault
from uws.conform.run import Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity

GROUP = Group("ground", "§1")

OPEN = ("/job_types/", "/parameters/", "/status/")
PROTECTED = ("/workspaces/", "/jobs/", "/users/", "/shared_workspaces/")
UNKNOWN_ID = 999_999_999
ORIGIN = {"Origin": "https://portal.example.org"}
ALLOWED_HEADERS = {
    *("accept", "accept-encoding", "authorization", "content-type", "dnt", "origin", "user-agent"),
    *("x-csrftoken", "x-requested-with", "uws-authorization"),
}
ALLOWED_METHODS = {"DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"}
SECURITY_HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@GROUP.check("success", "A success has the envelope message, success, data.")
def success(run: Run) -> None:
    for path, key in (("/job_types/", "job_types"), ("/parameters/", "parameters")):
        body = run.succeeded(run.send("GET", path), "Successful.")
        run.expect(key in run.part(body, "data"), f"GET {path}", body, f"data.{key}")


@GROUP.check("slash", "A path is served directly without its final slash, whatever the method.")
def slash(run: Run) -> None:
    for path in (*OPEN, *PROTECTED):
        _not_redirected(run, run.send("GET", path.rstrip("/"), token=run.first), 200)
    answer = run.create_raw(run.first, "/workspaces", body={"name": run.name, "description": ""})
    if not REDIRECT.fits(answer):
        made = run.part(run.succeeded(answer), "data", "workspace")["id"]
        for method, path, status in (
            ("PUT", f"/workspaces/{made}", 200),
            ("PUT", f"/workspaces/{made}/start", 400),
            ("DELETE", f"/workspaces/{made}", 200),
            ("PUT", f"/jobs/{UNKNOWN_ID}/stop", 404),
        ):
            _not_redirected(run, run.send(method, path, token=run.first, body={}), status)
    else:
        _not_redirected(run, answer, 200)


def _not_redirected(run: Run, answer: Answer, status: int) -> None:
    if answer.status != status or not answer.is_envelope:
        note = run.known if REDIRECT.fits(answer) else run.fail
        note(answer.request, answer.shown, f"{status} and an envelope, without a redirect")


@GROUP.check("slash-keeps-query", "Without the slash the query still counts.")
def slash_keeps_query(run: Run) -> None:
    answer = run.send("GET", "/workspaces?name=no-such-name-anywhere", token=run.first)
    if REDIRECT.fits(answer):
        run.known(answer.request, answer.shown, "200 and an empty list")
    else:
        run.expect(run.listed(answer, "workspaces") == [], answer.request, answer.shown, "an empty list")


@GROUP.check("unknown-path", "A path that does not exist is 404 in the envelope.", Severity.misleads)
def unknown_path(run: Run) -> None:
    for path in ("/workspaces/abc/", "/workspaces/-1/", "/jobs/abc/", f"/workspaces/{run.mine}/a/b/"):
        run.refused(run.send("GET", path, token=run.first), 404, original=PAGE_404)


@GROUP.check("method", "A method that a path does not have is 405, with its name and Allow.")
def method(run: Run) -> None:
    for name, path in (("GET", "/tokens/"), ("POST", "/jobs/"), ("POST", "/users/"), ("PUT", "/job_types/")):
        _method_refused(run, name, path, None)


@GROUP.check("method-on-one", "So it is where the view has the method for other paths.", Severity.misleads)
def method_on_one(run: Run) -> None:
    one = f"/workspaces/{UNKNOWN_ID}/"
    for name, path in (
        ("PUT", "/workspaces/"),
        ("DELETE", "/workspaces/"),
        ("POST", one),
        ("GET", f"{one}start/"),
        ("DELETE", f"{one}start/"),
        ("PUT", "/jobs/"),
        ("PUT", f"/jobs/{UNKNOWN_ID}/"),
        ("GET", f"/jobs/{UNKNOWN_ID}/stop/"),
        ("PUT", "/shared_workspaces/"),
        ("DELETE", "/shared_workspaces/"),
        ("PUT", f"/shared_workspaces/{UNKNOWN_ID}/"),
        ("GET", f"/shared_workspaces/{UNKNOWN_ID}/accept/"),
    ):
        _method_refused(run, name, path, PAGE_500)


def _method_refused(run: Run, name: str, path: str, original: OriginalFault | None) -> None:
    answer = run.send(name, path, token=run.first)
    if run.refused(answer, 405, f'Method "{name}" not allowed.', original=original):
        allowed = {method.strip() for method in answer.headers.get("allow", "").split(",")}
        run.expect(bool(allowed - {""}), answer.request, "no Allow", "Allow with the path's methods")
        run.expect(
            name not in allowed, answer.request, f"Allow: {', '.join(allowed)}", f"Allow without {name}"
        )


@GROUP.check("accept", "An Accept header that cannot be served is 406.", Severity.detail)
def accept(run: Run) -> None:
    for path in ("/job_types/", "/workspaces/"):
        answer = run.send("GET", path, token=run.first, headers={"Accept": "image/png"})
        run.refused(answer, 406, "Could not satisfy the request Accept header.")
    for text in ("*/*", "application/*", "text/plain, application/json;q=0.5"):
        run.succeeded(run.send("GET", "/job_types/", headers={"Accept": text}))


@GROUP.check("head", "HEAD is GET without the body.", Severity.detail)
def head(run: Run) -> None:
    for path in ("/job_types/", "/workspaces/"):
        answer = run.send("HEAD", path, token=run.first)
        fits = answer.status == 200 and not answer.content
        run.expect(fits, answer.request, answer.shown, "200 without a body")


@GROUP.check("content-type-on-get", "A JSON content type on a GET does no harm.")
def content_type_on_get(run: Run) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/job_types/", "/workspaces/", "/jobs/"):
        run.succeeded(run.send("GET", path, token=run.first, headers=headers))


@GROUP.check("unknown-query", "Unknown query keys are ignored, repeated ones too.")
def unknown_query(run: Run) -> None:
    for path in ("/workspaces/?random=0.5&random=0.7", "/jobs/?random=0.5", "/job_types/?x", "/status/?="):
        run.succeeded(run.send("GET", path, token=run.first))


@GROUP.check("any-content-type", "A body is read as JSON whatever its content type.")
def any_content_type(run: Run) -> None:
    raw = f'{{"name": "{run.name}", "description": ""}}'.encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        headers = {} if kind is None else {"Content-Type": kind}
        run.succeeded(run.create_raw(run.first, raw=raw, headers=headers), "Successful.")


@GROUP.check("preflight", "A preflight is answered with 200 and an empty body, on every path and both forms.")
def preflight(run: Run) -> None:
    one = f"/workspaces/{UNKNOWN_ID}"
    for path in (
        "/workspaces/",
        "/workspaces",
        one,
        f"{one}/start",
        "/jobs",
        "/users?search=a",
        "/job_types",
    ):
        asked = {
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type,uws-authorization",
        }
        answer = run.send("OPTIONS", path, headers=ORIGIN | asked)
        empty = answer.status == 200 and not answer.content
        run.expect(empty, answer.request, answer.shown, "200 and an empty body")
        methods = _words(answer, "access-control-allow-methods")
        lacking = ALLOWED_METHODS - {word.upper() for word in methods}
        run.expect(not lacking, answer.request, f"no {', '.join(sorted(lacking))}", "these methods allowed")
        lacking = ALLOWED_HEADERS - {word.lower() for word in _words(answer, "access-control-allow-headers")}
        run.expect(not lacking, answer.request, f"no {', '.join(sorted(lacking))}", "these headers allowed")
        _allows_every_origin(run, answer)
        age = answer.headers.get("access-control-max-age")
        run.expect(age == "86400", answer.request, age, "Access-Control-Max-Age: 86400")


@GROUP.check("cors", "Every origin may read every answer, errors too.")
def cors(run: Run) -> None:
    _allows_every_origin(run, run.send("GET", "/job_types/", headers=ORIGIN))
    _allows_every_origin(run, run.send("GET", "/workspaces/", headers=ORIGIN))
    _allows_every_origin(run, run.send("POST", "/jobs/", token=run.first, headers=ORIGIN))
    _allows_every_origin(run, run.send("GET", "/workspaces/abc/", token=run.first, headers=ORIGIN))
    _allows_every_origin(run, run.send("POST", "/workspaces/", token=run.first, body={}, headers=ORIGIN))


def _allows_every_origin(run: Run, answer: Answer) -> None:
    found = answer.headers.get("access-control-allow-origin")
    run.expect(found == "*", answer.request, found, "Access-Control-Allow-Origin: *")


def _words(answer: Answer, name: str) -> set[str]:
    return {word.strip() for word in answer.headers.get(name, "").split(",")} - {""}


@GROUP.check("security-headers", "Answers carry the security headers.", Severity.detail)
def security_headers(run: Run) -> None:
    for path in ("/job_types/", "/workspaces/"):
        answer = run.send("GET", path, token=run.first)
        for name, value in SECURITY_HEADERS.items():
            found = answer.headers.get(name)
            run.expect(found == value, answer.request, f"{name}: {found}", f"{name}: {value}")


@GROUP.check("no-cookies", "The API sets no cookies.", Severity.misleads)
def no_cookies(run: Run) -> None:
    for path in ("/job_types/", "/workspaces/"):
        answer = run.send("GET", path, token=run.first)
        run.expect("set-cookie" not in answer.headers, answer.request, "Set-Cookie", "no cookie")
