"""The original's `django_config.json`: what of it becomes part of our `server` object, and why the rest doesn't."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from uws.config.server import Limits
from uws.moving.original_config import Findings, Verdict

SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\]")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+/?")

IGNORED: Mapping[str, str] = {
    "SECRET_KEY": "this server makes its own secret key; passwords and tokens don't depend on it",
    "LOGGING": "this server logs to standard error",
    "DATABASES": "this server keeps its records in a database of its own; name this one with --database",
    "Q_CLUSTER": "the queue lies in the database, so that Redis isn't needed; see server.worker_processes",
    "CHANNEL_LAYERS": "live updates are read from the event log, so that Redis isn't needed",
    "STATIC_ROOT": "this server brings its own static files",
    "STATIC_URL": "this server brings its own static files",
    "TIME_ZONE": "all times are UTC",
}


def translate_django_config(tree: Mapping[str, Any], server: dict[str, Any]) -> Findings:
    """Add to `server` what `django_config.json` says, and return what became of each key."""
    findings = Findings("django_config.json")
    for key, value in tree.items():
        if key in _TRANSLATIONS:
            _TRANSLATIONS[key](value, server, findings)
        elif key in IGNORED:
            findings.add(Verdict.IGNORED, (key,), f"{IGNORED[key]}.")
        elif not key.startswith("EMAIL_") and key != "DEFAULT_FROM_EMAIL":
            findings.add(Verdict.IGNORED, (key,), "no setting of this server corresponds to it.")
    _translate_mail(tree, server, findings)
    return findings


def _debug(value: object, server: dict[str, Any], findings: Findings) -> None:
    if value is True:
        sentence = "the original showed its settings to strangers; this server has no such mode."
        findings.add(Verdict.SUSPICIOUS, ("DEBUG",), sentence)
    else:
        findings.add(Verdict.IGNORED, ("DEBUG",), "this server has no such mode.")


def _hosts(value: object, server: dict[str, Any], findings: Findings) -> None:
    hosts = value if isinstance(value, list) else []
    if not hosts:
        findings.add(Verdict.SUSPICIOUS, ("ALLOWED_HOSTS",), "it names no host; set server.hosts.")
        return
    kept = ["localhost", "127.0.0.1", "[::1]"]
    for index, host in enumerate(hosts):
        if isinstance(host, str) and _HOST.fullmatch(host) and not host.startswith("."):
            if host.lower() not in kept:
                kept.append(host.lower())
        else:
            sentence = f"found {str(host)[:80]!r}; expected a host's whole name: wildcards are not served."
            findings.add(Verdict.SUSPICIOUS, ("ALLOWED_HOSTS", index), sentence)
    server["hosts"] = kept
    findings.add(Verdict.TRANSLATED, ("ALLOWED_HOSTS",), "became server.hosts.")


def _origins(value: object, server: dict[str, Any], findings: Findings) -> None:
    origins = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    usable = [each for each in origins if _ORIGIN.fullmatch(each)]
    if len(usable) != 1 or len(origins) != 1:
        sentence = "expected one origin, how browsers reach the server; set server.public_url."
        findings.add(Verdict.SUSPICIOUS if origins else Verdict.IGNORED, ("CSRF_TRUSTED_ORIGINS",), sentence)
        return
    url = usable[0].rstrip("/")
    server["public_url"] = url
    host = re.sub(r":[0-9]+$", "", url.partition("://")[2]).lower()
    hosts = server.setdefault("hosts", ["localhost", "127.0.0.1", "[::1]"])
    if host not in hosts:
        hosts.append(host)
    findings.add(Verdict.TRANSLATED, ("CSRF_TRUSTED_ORIGINS",), "became server.public_url.")


def _body_limit(value: object, server: dict[str, Any], findings: Findings) -> None:
    place = ("DATA_UPLOAD_MAX_MEMORY_SIZE",)
    if value is None:
        default = Limits().request_body_bytes
        sentence = f"no limit is none here: server.limits.request_body_bytes is {default} unless you set it."
        findings.add(Verdict.TRANSLATED, place, sentence)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 1024:
        server.setdefault("limits", {})["request_body_bytes"] = value
        findings.add(Verdict.TRANSLATED, place, "became server.limits.request_body_bytes.")
    else:
        findings.add(Verdict.SUSPICIOUS, place, "expected a number of bytes of at least 1024, or null.")


_TRANSLATIONS: Mapping[str, Callable[[object, dict[str, Any], Findings], None]] = {
    "DEBUG": _debug,
    "ALLOWED_HOSTS": _hosts,
    "CSRF_TRUSTED_ORIGINS": _origins,
    "DATA_UPLOAD_MAX_MEMORY_SIZE": _body_limit,
}


def _translate_mail(tree: Mapping[str, Any], server: dict[str, Any], findings: Findings) -> None:
    keys = [key for key in tree if key.startswith("EMAIL_") or key == "DEFAULT_FROM_EMAIL"]
    if not keys:
        return
    problem = ""
    sender = next(
        (tree.get(k) for k in ("DEFAULT_FROM_EMAIL", "EMAIL_HOST_USER") if _is_address(tree.get(k))), None
    )
    if tree.get("EMAIL_BACKEND", SMTP_BACKEND) != SMTP_BACKEND:
        problem = "the original sent its mail nowhere but to a log or a test"
    elif not isinstance(tree.get("EMAIL_HOST"), str) or not tree["EMAIL_HOST"]:
        problem = "EMAIL_HOST names no server"
    elif sender is None:
        problem = "neither DEFAULT_FROM_EMAIL nor EMAIL_HOST_USER is an address to send from"
    if problem:
        for key in keys:
            findings.add(Verdict.SUSPICIOUS, (key,), f"left out, since {problem}; set server.mail.")
        return
    mail: dict[str, Any] = {"host": tree["EMAIL_HOST"], "from_address": sender}
    for key, name, kind in (
        ("EMAIL_PORT", "port", int),
        ("EMAIL_HOST_USER", "user", str),
        ("EMAIL_HOST_PASSWORD", "password", str),
        ("EMAIL_USE_TLS", "use_tls", bool),
    ):
        value = tree.get(key)
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            mail[name] = value
        elif key in tree:
            findings.add(Verdict.SUSPICIOUS, (key,), f"left out; set server.mail.{name}.")
    server["mail"] = mail
    findings.add(Verdict.TRANSLATED, ("EMAIL_HOST",), "became server.mail, with the other EMAIL_ keys.")


def _is_address(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", value) is not None
