"""`POST /tokens/` with local accounts or PSC's (contract §2). What asks Globus is not checked."""

from __future__ import annotations

import re

from uws.conform.conversation import Answer
from uws.conform.original import PAGE_500
from uws.conform.run import Run
from uws.conform.table import Group
from uws.conform.verdicts import Severity, Skip

GROUP = Group("tokens", "§2")

REFUSED = "Incorrect authentication credentials."
NO_CLIENT = "0" * 40


def _post(run: Run, body: object) -> Answer:
    answer = run.send("POST", "/tokens/", body=body)
    if answer.status == 429:
        raise Skip("the server limits refused logins for now (429)")
    if answer.message.startswith(("Missing auth_token", "Missing redirect url")):
        raise Skip("the server's accounts are Globus's")
    return answer


@GROUP.check("missing-fields", "client_token is asked for first, then user_info.")
def missing_fields(run: Run) -> None:
    run.refused(_post(run, {}), 400, "Missing client_token.")
    run.refused(_post(run, {"user_info": {}}), 400, "Missing client_token.")
    run.refused(_post(run, {"client_token": NO_CLIENT}), 400, "Missing user_info.")


@GROUP.check("unparsable", "A body that is no JSON is 400.", Severity.misleads)
def unparsable(run: Run) -> None:
    answer = run.send("POST", "/tokens/", raw=b"{", headers={"Content-Type": "application/json"})
    run.refused(answer, 400, original=PAGE_500)


@GROUP.check("unknown-client", "An unknown client token is 401, in the same words as every other refusal.")
def unknown_client(run: Run) -> None:
    person = vars(run.plan.first_person)
    run.refused(_post(run, {"client_token": NO_CLIENT, "user_info": person}), 401, REFUSED)


@GROUP.check("not-a-client", "A user's own token is no client token.")
def not_a_client(run: Run) -> None:
    person = vars(run.plan.first_person)
    run.refused(_post(run, {"client_token": run.first, "user_info": person}), 401, REFUSED)


@GROUP.check("bad-user", "A user without a name or e-mail, or known under another e-mail, is 401.")
def bad_user(run: Run) -> None:
    person = run.plan.first_person
    client = run.client_token
    _post(run, {"client_token": client, "user_info": vars(person)})
    for user_info in (
        {},
        {"username": person.username},
        {"email": person.email},
        {"username": person.username, "email": f"other-{person.email}"},
    ):
        answer = _post(run, {"client_token": client, "user_info": user_info})
        run.refused(answer, 401, REFUSED, original=PAGE_500)


@GROUP.check("same-token", "The same user gets the same token of 40 hexadecimal digits each time.")
def same_token(run: Run) -> None:
    body = {"client_token": run.client_token, "user_info": vars(run.plan.first_person)}
    first, second = (run.succeeded(_post(run, body), "Successful authentication.") for _ in range(2))
    is_hex = re.fullmatch("[0-9a-f]{40}", str(first.get("token")))
    run.expect(bool(is_hex), "POST /tokens/", "another form of token", "40 hexadecimal digits")
    same = first.get("token") == second.get("token")
    run.expect(same, "POST /tokens/", "two tokens", "the same token each time")


@GROUP.check("no-content-type", "A body without a content type is read: portals send none.")
def no_content_type(run: Run) -> None:
    answer = run.send("POST", "/tokens/", raw=b'{"client_token": "x"}')
    if answer.message.startswith(("Missing auth_token", "Missing redirect url")):
        raise Skip("the server's accounts are Globus's")
    run.refused(answer, 400, "Missing user_info.")
