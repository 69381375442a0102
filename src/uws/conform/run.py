"""One run: the people, what has been made so far, and what is expected of answers."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from uws.conform.cleaning import Cleaning
from uws.conform.conversation import NOTHING, Answer, Conversation
from uws.conform.original import NAIVE_TIME, OriginalFault
from uws.conform.plan import Person, Plan
from uws.conform.verdicts import Deviation, Finding, Skip

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
POLL_SECONDS = 0.5

Json = dict[str, Any]


class Run:
    """What the checks are given. Each makes what it needs with it, and tells it what it finds."""

    def __init__(self, conversation: Conversation, plan: Plan) -> None:
        self.conversation = conversation
        self.plan = plan
        self.name = f"uws-conform {secrets.token_hex(4)}"
        self.findings: list[Finding] = []
        self.known_faults: list[Finding] = []
        self.kept: dict[str, Any] = {}
        self._cleaning = Cleaning(conversation, self.name)
        self.send = conversation.send

    def begin(self) -> None:
        """Forget what the check before has found."""
        self.findings, self.known_faults = [], []

    def clean(self) -> list[str]:
        """Remove what the run has made, and return what is left over."""
        return self._cleaning.clean()

    # People

    @cached_property
    def first(self) -> str:
        """The first user's token. Raises `Skip` without one."""
        token = self.plan.token or self._vouched(self.plan.first_person)
        if token is None:
            raise Skip("needs a user's token (--token, or --client-token)")
        self._cleaning.owners.add(token)
        return token

    @cached_property
    def second(self) -> str:
        """The second user's token. Raises `Skip` without one."""
        token = self.plan.second_token or self._vouched(self.plan.second_person)
        if token is None:
            raise Skip("needs a second user's token (--second-token, or --client-token)")
        self._cleaning.owners.add(token)
        return token

    @cached_property
    def third(self) -> str:
        """The token of a user to whom nothing belongs. Raises `Skip` without an API client's token."""
        token = self._vouched(self.plan.third_person)
        if token is None:
            raise Skip("needs an API client's token (--client-token)")
        return token

    @property
    def client_token(self) -> str:
        if self.plan.client_token is None:
            raise Skip("needs an API client's token (--client-token)")
        return self.plan.client_token

    def _vouched(self, person: Person) -> str | None:
        if self.plan.client_token is None:
            return None
        body = {"client_token": self.plan.client_token, "user_info": vars(person)}
        answer = self.send("POST", "/tokens/", body=body)
        found = answer.json.get("token") if answer.status == 200 and answer.is_envelope else None
        if not isinstance(found, str):
            raise Deviation(answer.request, answer.shown, f"a token for {person.username}")
        return found

    # What is made

    def create(self, token: str, **fields: Any) -> Answer:
        """Ask for a workspace under the run's name; whatever is made will be removed."""
        body = {"name": self.name, "description": "Made by uws conform; may be deleted.", **fields}
        return self.create_raw(token, body=body)

    def create_raw(self, token: str, path: str = "/workspaces/", **request: Any) -> Answer:
        """Ask for a workspace with any body; whatever is made will be removed."""
        answer = self.send("POST", path, token=token, **request)
        self._cleaning.note_workspace(token, answer)
        return answer

    def workspace(self, token: str, **fields: Any) -> Json:
        """Make a workspace and return its object."""
        data = self.succeeded(self.create(token, **fields))
        return self._numbered(self.part(data, "data", "workspace"))

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what `make` made the first time. A failure is raised again for every check that needs it."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    @property
    def mine(self) -> int:
        """The id of the first user's workspace that the checks share."""
        return int(self.once("mine", lambda: self.workspace(self.first))["id"])

    @property
    def theirs(self) -> int:
        """The id of a workspace of the second user."""
        return int(self.once("theirs", lambda: self.workspace(self.second))["id"])

    def read_workspace(self, workspace_id: int, token: str | None = None) -> Json | None:
        """Return a workspace as its owner reads it; None where there is none."""
        answer = self.send("GET", f"/workspaces/{workspace_id}/", token=token or self.first)
        found = self.listed(answer, "workspaces")
        return found[0] if found else None

    def start(self, workspace_id: int, token: str | None = None, **fields: Any) -> Json:
        """Start a job of the plan's type and return its object. Raises `Skip` where the server has no such type."""
        self.require_job_type()
        body = {"job_type": self.plan.job_type, **fields}
        path = f"/workspaces/{workspace_id}/start/"
        answer = self.send("PUT", path, token=token or self.first, body=body)
        return self._numbered(self.part(self.succeeded(answer, "Successful start."), "data", "job"))

    def _numbered(self, found: Json) -> Json:
        if type(found.get("id")) is not int:
            raise Deviation(
                self.conversation.last_request, _short(found), "an object with a whole number as id"
            )
        return found

    def require_job_type(self) -> None:
        """Raise `Skip` where the server does not offer the plan's job type."""
        offered = self.once("job types", self._job_types)
        if self.plan.job_type not in offered:
            raise Skip(f"the server offers no job type {self.plan.job_type} (--job-type)")

    def _job_types(self) -> Json:
        return self.part(self.succeeded(self.send("GET", "/job_types/")), "data", "job_types")

    def read_job(self, job_id: int, token: str | None = None) -> Json | None:
        """Return a job as its owner reads it; None where there is none."""
        found = self.listed(self.send("GET", f"/jobs/{job_id}/", token=token or self.first), "jobs")
        return found[0] if found else None

    def wait(self, what: str, read: Callable[[], Any], seconds: float) -> Any:
        """Return what `read` gives as soon as it is true. Raises `Deviation` when it never is."""
        deadline = time.monotonic() + seconds
        while not (found := read()):
            if time.monotonic() > deadline:
                raise Deviation(what, f"not within {seconds:g} seconds", "it to happen")
            time.sleep(POLL_SECONDS)
        return found

    # What is expected

    def fail(self, request: str, found: object, expected: str) -> None:
        """Note a difference, and go on."""
        self.findings.append(Finding(request, _short(found), expected))

    def known(self, request: str, found: object, expected: str) -> None:
        """Note a known fault of the original, and go on."""
        self.known_faults.append(Finding(request, _short(found), expected))

    def expect(self, condition: bool, request: str, found: object, expected: str) -> None:
        """Note a difference unless the condition holds."""
        if not condition:
            self.fail(request, found, expected)

    def succeeded(self, answer: Answer, message: str | None = None) -> Json:
        """Return the envelope of a success. Raises `Deviation` for anything else."""
        body = answer.json
        wanted = "200 and the envelope of a success" + (f" with {message!r}" if message is not None else "")
        if answer.status != 200 or not answer.is_envelope or body.get("success") is not True:
            raise Deviation(answer.request, answer.shown, wanted)
        if message is not None and body.get("message") != message:
            self.fail(answer.request, f"the message {body.get('message')!r}", repr(message))
        return dict(body)

    def refused(
        self, answer: Answer, status: int, begins: str = "", *, original: OriginalFault | None = None
    ) -> bool:
        """Note a difference unless the answer is the envelope of that refusal; True where it is.

        `begins` is how the message has to begin; `original` the fault of the original at this place.
        """
        wanted = f"{status} and the envelope of an error" + (f" with {begins!r}" if begins else "")
        body = answer.json
        fits = (
            answer.status == status
            and answer.is_envelope
            and body.get("success") is False
            and isinstance(body.get("message"), str)
            and body["message"].startswith(begins)
        )
        if fits:
            return True
        note = self.known if original is not None and original.fits(answer) else self.fail
        note(answer.request, answer.shown, wanted)
        return False

    def part(self, body: Any, *keys: str) -> Json:
        """Return the object under `keys`. Raises `Deviation` where there is none."""
        found = body
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise Deviation("the answer", _short(body), f"an object under {'.'.join(keys)}")
        return found

    def listed(self, answer: Answer, key: str) -> list[Json]:
        """Return the list under `data.<key>` of a success. Raises `Deviation` where there is none."""
        found = self.part(self.succeeded(answer), "data").get(key)
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise Deviation(answer.request, answer.shown, f"a list of objects under data.{key}")
        return found

    def keys(self, request: str, found: Json, expected: set[str], forbidden: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Note keys that lack, and keys that must not be there. More keys than the contract's do no harm."""
        lacking, surplus = expected - set(found), forbidden & set(found)
        self.expect(not lacking, request, f"no {', '.join(sorted(lacking))}", "these keys")
        self.expect(not surplus, request, f"the keys {', '.join(sorted(surplus))}", "none of them")

    def time(self, request: str, value: object, *, may_be_null: bool = False) -> None:
        """Note what is no time in UTC with `Z`; without it, a known fault of the original."""
        if (value is None and may_be_null) or (isinstance(value, str) and TIME.fullmatch(value)):
            return
        naive = isinstance(value, str) and NAIVE_TIME.fullmatch(value)
        (self.known if naive else self.fail)(request, value, "a time such as 2026-11-23T23:36:45.604Z")


def _short(found: object) -> str:
    text = found if isinstance(found, str) else repr(found)
    return text if len(text) <= 300 else f"{text[:300]}…"


__all__ = ["NOTHING", "Json", "Run"]
