"""The mail about a share: what it says, to whom, and what happens while the mail server is away."""

from __future__ import annotations

import email
import email.policy
import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils import timezone
from tests.conftest import drain_queue, make_site, wait_until
from tests.settings import DEPLOYMENT
from tests.sharing.steps import of_copy, share

from uws.accounts.models import User
from uws.config.deployment import Deployment
from uws.config.server import MailSettings, ServerSettings
from uws.events.models import Event
from uws.server.settings import django_settings
from uws.sharing import mail
from uws.sharing.models import Share
from uws.site import Site
from uws.workspaces.models import Workspace

RunTasks = Callable[[], list[str]]
MAIL = {"host": "mail.example.org", "from_address": "uws@example.org"}


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    config["server"] |= {
        "mail": MAIL,
        "name": "Cell Atlas",
        "public_url": "https://uws.example.org",
        "hosts": ["uws.example.org"],
    }
    return config


def test_a_recipient_is_told_once_the_copy_is_ready(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, mailoutbox: list[Any]
) -> None:
    (copy_id,) = share(site, original, grace)
    assert run_tasks() == ["sharing.copy", "sharing.mail"]
    (message,) = mailoutbox
    assert message.subject == "Ada Lovelace has shared “Cells” with you"
    assert (message.from_email, message.to) == ("uws@example.org", ["grace@example.org"])
    assert message.reply_to == ["ada@example.org"]
    html, kind = message.alternatives[0]
    assert kind == "text/html"
    for text in (message.body, html):
        for expected in ("Grace", "Ada Lovelace", "Cells", "First look.", "Cell Atlas"):
            assert expected in text
        assert f"https://uws.example.org/console/shares/{copy_id}/" in text
    row = of_copy(copy_id)
    assert row.mailed is not None
    assert (row.mail_due, row.lease_holder) == (None, "")
    assert Event.objects.filter(kind="share.mailed", owner_id=grace.pk).exists()


def test_texts_of_people_are_escaped_and_put_nothing_into_headers(
    site: Site, ada: User, original: Workspace, grace: User, run_tasks: RunTasks, mailoutbox: list[Any]
) -> None:
    name = "Cells\r\nBcc: alan@example.org\u2028<b>x"
    User.objects.filter(pk=ada.pk).update(first_name="Ada\nTo: eve@example.org", last_name="<script>")
    Workspace.objects.filter(pk=original.pk).update(name=name, description="<img src=x>\n\nBye")
    original.refresh_from_db()
    share(site, original, grace)
    run_tasks()
    (message,) = mailoutbox
    assert "\n" not in message.subject
    assert "\u2028" not in message.subject
    parsed = email.message_from_bytes(message.message().as_bytes(), policy=email.policy.default)
    assert parsed["To"] == "grace@example.org"
    assert parsed["Bcc"] is None
    html = message.alternatives[0][0]
    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>" not in html


def test_without_a_mail_server_nothing_is_mailed_and_that_is_said_once(
    config: dict[str, Any],
    data_directory: Any,
    site: Site,
    ada: User,
    original: Workspace,
    grace: User,
    alan: User,
    mailoutbox: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    del config["server"]["mail"]
    without = make_site(config, data_directory)
    with caplog.at_level(logging.INFO, "uws.sharing.mail"):
        first, second = share(without, original, grace, alan)
        assert drain_queue(without) == ["sharing.copy", "sharing.copy"]
    assert mailoutbox == []
    assert [record.message for record in caplog.records if record.name == "uws.sharing.mail"] == [
        "shares are not mailed: config.json has no server.mail"
    ]
    assert {of_copy(copy_id).copy.status for copy_id in (first, second)} == {"idle"}


def test_a_mail_server_that_is_away_delays_the_mail_and_not_the_copy(
    site: Site,
    original: Workspace,
    grace: User,
    run_tasks: RunTasks,
    mailoutbox: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(self: EmailMessage, *arguments: Any) -> int:
        raise ConnectionRefusedError("the mail server is away")

    (copy_id,) = share(site, original, grace)
    with monkeypatch.context() as patched:
        patched.setattr(EmailMultiAlternatives, "send", away)
        run_tasks()
    assert of_copy(copy_id).copy.status == "idle"
    site.sharing.sweep()
    assert run_tasks() == []
    later = timezone.now() + mail.RETRY_AFTER[0]
    monkeypatch.setattr(timezone, "now", lambda: later)
    site.sharing.sweep()
    site.sharing.sweep()
    assert run_tasks() == ["sharing.mail"]
    assert len(mailoutbox) == 1


def test_a_mail_that_never_leaves_is_given_up(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: EmailMessage, *arguments: Any) -> int:
        raise ConnectionRefusedError("the mail server is away")

    monkeypatch.setattr(EmailMultiAlternatives, "send", refused)
    (copy_id,) = share(site, original, grace)
    run_tasks()
    for _ in range(mail.MOST_ATTEMPTS - 1):
        Share.objects.update(mail_due=timezone.now() - timedelta(seconds=1))
        site.sharing.sweep()
        assert run_tasks() == ["sharing.mail"]
    row = of_copy(copy_id)
    assert (row.mail_due, row.mail_attempts, row.mailed) == (None, mail.MOST_ATTEMPTS, None)
    assert Event.objects.filter(kind="share.mail_failed", owner_id=original.owner_id).exists()


@pytest.mark.parametrize("ended_by", ["accept", "delete"])
def test_a_share_that_is_answered_already_is_not_mailed(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, mailoutbox: list[Any], ended_by: str
) -> None:
    (copy_id,) = share(site, original, grace)
    site.tasks.run("sharing.copy", copy_id)
    getattr(site.sharing, ended_by)(grace.as_person(), copy_id)
    run_tasks()
    assert mailoutbox == []


def test_who_has_no_address_is_not_mailed(
    site: Site, original: Workspace, grace: User, run_tasks: RunTasks, mailoutbox: list[Any]
) -> None:
    User.objects.filter(pk=grace.pk).update(email="")
    (copy_id,) = share(site, original, grace)
    assert run_tasks() == ["sharing.copy"]
    assert mailoutbox == []
    assert of_copy(copy_id).copy.status == "idle"


def settings_with(configured: MailSettings | None) -> dict[str, Any]:
    server = ServerSettings(mail=configured)
    return django_settings(Deployment(DEPLOYMENT.data_dir, server, DEPLOYMENT.secrets, DEPLOYMENT.agents))


class _Conversation(socketserver.StreamRequestHandler):
    """One SMTP conversation (RFC 5321), as far as a mail needs it."""

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text)
                self.server.received.append(b"".join(lines))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return


@pytest.fixture
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    """A mail server that takes everything: its port, and what it was sent."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Conversation) as server:
        server.received = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1], server.received  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_the_configured_mail_server_takes_the_mail(
    site: Site,
    original: Workspace,
    grace: User,
    run_tasks: RunTasks,
    settings: Any,
    mail_server: tuple[int, list[bytes]],
) -> None:
    port, received = mail_server
    configured = MailSettings(host="127.0.0.1", port=port, use_tls=False, from_address="uws@example.org")
    for name, value in settings_with(configured).items():
        if name.startswith("EMAIL_"):
            setattr(settings, name, value)
    share(site, original, grace)
    run_tasks()
    wait_until(lambda: received)
    message = email.message_from_bytes(received[0], policy=email.policy.default)
    assert message["To"] == "grace@example.org"
    assert message["Subject"] == "Ada Lovelace has shared “Cells” with you"
    body = message.get_body(("plain",))
    assert body is not None
    assert "A copy of it is ready for you." in body.get_content()


def test_mail_is_encrypted_and_waited_for_ten_seconds_at_most() -> None:
    configured = settings_with(MailSettings.model_validate(MAIL))
    assert (configured["EMAIL_TIMEOUT"], configured["EMAIL_USE_TLS"]) == (10, True)


def test_without_a_mail_server_django_mails_nothing_by_itself() -> None:
    assert "dummy" in settings_with(None)["EMAIL_BACKEND"]
