"""The passthrough's own words for people, and the same as text for programs.

Self-contained: no file of ours is on a job's origin. Everything that comes from a job is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from uws.passthrough.answers import Answer, text
from uws.passthrough.directory import Target
from uws.passthrough.settings import PassthroughSettings

STATE_PATH = "/.uws/state"

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--quiet:#5b6775;--line:#d9dee4;--paper:#fff;--ground:#f5f6f8;--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaee;--quiet:#9aa6b2;--line:#343d47;--paper:#1c2229;--ground:#14181d;
--link:#7db7f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:42rem;margin:12vh auto 4rem;padding:2rem;background:var(--paper);border:1px solid var(--line);
border-radius:8px}
h1{margin:0 0 .75rem;font-size:1.35rem;line-height:1.3}
p{margin:.5rem 0}
a{color:var(--link)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1rem 0;color:var(--quiet)}
dd{margin:0;color:var(--ink)}
pre{max-height:20rem;overflow:auto;padding:.75rem;background:var(--ground);border:1px solid var(--line);
border-radius:6px;font-size:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
.quiet{color:var(--quiet);font-size:.9rem}
"""

_SCRIPT = """
"use strict";
const step = document.getElementById("step"), message = document.getElementById("message");
async function look() {
  try {
    const answer = await fetch("/.uws/state", {cache: "no-store"});
    if (!answer.ok) { location.reload(); return; }
    const job = await answer.json();
    if (job.ready || job.over) { location.reload(); return; }
    step.textContent = job.step;
    message.textContent = job.message;
  } catch (problem) {
    message.textContent = "The server does not answer at the moment; trying again.";
  }
  setTimeout(look, 1000);
}
setTimeout(look, 1000);
"""


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")


_POLICY = (
    f"default-src 'none'; style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Pages:
    """Every page there is, for one installation. `wants_page` False gives the same as one line of text."""

    def __init__(self, settings: PassthroughSettings) -> None:
        self._settings = settings

    def no_such_host(self, wants_page: bool) -> Answer:
        """421: the address in `Host` is no job's."""
        expected = (
            f"{self._settings.public_scheme}://{self._settings.host(0).replace('job-0.', 'job-<number>.', 1)}"
        )
        sentence = f"This address belongs to no job. Jobs are reached at {expected} alone."
        return self._answer(421, "No job at this address", wants_page, sentence, self._console_link())

    def refused(self, status: int, sentence: str, wants_page: bool) -> Answer:
        """Return the refusal of a request for what it is, not for who sent it."""
        return self._answer(status, "This request was refused", wants_page, sentence, self._console_link())

    def sign_in(self, job_id: int, wants_page: bool, *, expired: bool = False) -> Answer:
        """401: nobody is known to ask."""
        if not wants_page:
            found = (
                "The ticket has expired or is not for this job"
                if expired
                else "Nobody is signed in to this job"
            )
            return text(401, f"{found}. Open it here: {self._settings.way_in(job_id)}")
        sentence = (
            "The link has expired, or it was made for another job. Links to a job work for a few minutes; "
            "the job's own page always has a fresh one."
            if expired
            else "This browser is not signed in to this job yet. Open it from its page; if you are not signed in "
            "there either, you are asked to first."
        )
        return self._answer(401, "Open this job from its page", True, sentence, self._way_in_link(job_id))

    def not_found(self, wants_page: bool) -> Answer:
        """404: no such job, or not for this user; the two must not be told apart."""
        sentence = "There is no such job, or you have no access to it."
        return self._answer(404, "No such job", wants_page, sentence, self._console_link())

    def cannot_check(self, wants_page: bool) -> Answer:
        """503: the fault is ours."""
        sentence = "The server could not look the job up just now. The job itself is not affected; try again shortly."
        return self._answer(
            503, "The server is busy with itself", wants_page, sentence, "", {"Retry-After": "5"}
        )

    def waiting(self, target: Target, wants_page: bool) -> Answer:
        """503: opened too early. The page goes on by itself."""
        sentence = f"The job is {target.status}: {target.message or target.step or 'it does not answer yet'}"
        if not wants_page:
            return text(503, sentence, {"Retry-After": "1"})
        content = (
            f"<p>This page goes on by itself as soon as the application answers.</p>"
            f"<dl><dt>Workspace</dt><dd>{escape(target.workspace_name)}</dd>"
            f"<dt>Step</dt><dd id=step>{escape(target.step or target.status)}</dd></dl>"
            f"<p id=message role=status aria-live=polite>{escape(target.message)}</p>{self._job_link(target.job_id)}"
            f"<script>{_SCRIPT}</script>"
        )
        refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
        title = f"{target.job_type_name} is starting"
        return self._page(503, title, content, {"Retry-After": "1"}, in_head=refresh)

    def over(self, target: Target, wants_page: bool) -> Answer:
        """410: the job has ended."""
        title = f"{target.job_type_name} has failed" if target.status == "failed" else "This job has ended"
        sentence = target.message or "It is no longer running; its files are in the workspace."
        return self._answer(410, title, wants_page, sentence, self._around(target))

    def stopping(self, target: Target, wants_page: bool) -> Answer:
        """503: the application has gone, the job's end is not recorded yet."""
        sentence = "The job is being stopped."
        return self._answer(503, sentence, wants_page, "", self._around(target), {"Retry-After": "2"})

    def no_answer(self, target: Target, reason: str, wants_page: bool) -> Answer:
        """502: the job runs, its application does not answer. The fault is the application's."""
        sentence = f"The job is running, but its application does not answer: {reason}"
        title = f"{target.job_type_name} does not answer"
        return self._answer(502, title, wants_page, sentence, self._around(target))

    def _around(self, target: Target) -> str:
        lines = escape(target.log_tail.strip()[-8000:])
        tail = f"<p class=quiet>The last lines of its log:</p><pre>{lines}</pre>" if lines else ""
        workspace = f"<dl><dt>Workspace</dt><dd>{escape(target.workspace_name)}</dd></dl>"
        return f"{workspace}{tail}{self._job_link(target.job_id)}"

    def _job_link(self, job_id: int) -> str:
        return f'<p><a href="{escape(self._settings.job_page(job_id))}">Go to the job&rsquo;s page</a></p>'

    def _way_in_link(self, job_id: int) -> str:
        return f'<p><a href="{escape(self._settings.way_in(job_id))}">Open the job from its page</a></p>'

    def _console_link(self) -> str:
        return f'<p><a href="{escape(self._settings.console_url)}/">Go to {escape(self._settings.service_name)}</a></p>'

    def _answer(
        self,
        status: int,
        title: str,
        wants_page: bool,
        sentence: str,
        content: str,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        if not wants_page:
            return text(status, sentence or title, headers)
        return self._page(status, title, f"<p>{escape(sentence)}</p>{content}", headers or {})

    def _page(
        self, status: int, title: str, content: str, headers: dict[str, str], in_head: str = ""
    ) -> Answer:
        service = escape(self._settings.service_name)
        document = (
            "<!doctype html><html lang=en><head><meta charset=utf-8>"
            '<meta name=viewport content="width=device-width,initial-scale=1">'
            f"<title>{escape(title)} &middot; {service}</title>{in_head}<style>{_STYLE}</style></head>"
            f"<body><main><h1>{escape(title)}</h1>{content}<p class=quiet>{service}</p></main></body></html>"
        )
        return Answer(
            status,
            document.encode(),
            "text/html; charset=utf-8",
            {"Content-Security-Policy": _POLICY, "X-Frame-Options": "DENY", **headers},
        )
