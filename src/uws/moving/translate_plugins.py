"""The original's `config.json` in our shape: the maps of plugins and the parameters, key by key."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from uws.config.mistakes import Place, nearest
from uws.config.models import Config
from uws.config.resolver import PluginKind, UnknownPlugin, resolve
from uws.config.schema import keys_of, model_of
from uws.moving.original_config import Findings, Verdict

MINUTES, MINUTES_OLD = "time_limit_minutes", "time_limit_min"


def translate_config(tree: Mapping[str, Any]) -> tuple[dict[str, Any], Findings]:
    """Return our `config.json` made of the original's, with its `server` object, and what became of each key."""
    findings = Findings("config.json")
    result: dict[str, Any] = {}
    known = keys_of(Config)
    for key, value in tree.items():
        if key in known:
            result[key] = copy.deepcopy(value)
            if not isinstance(value, (dict, list)):
                findings.add(Verdict.KEPT, (key,), "means the same here.")
        else:
            hint = nearest(key, known)
            did = f' (did you mean "{hint}"?)' if hint else ""
            findings.add(Verdict.IGNORED, (key,), f"neither the original server nor this one reads it{did}.")
    for kind in PluginKind:
        entries = result.get(kind.config_key)
        for key, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                _translate_entry(kind, (kind.config_key, key), entry, findings)
    if not isinstance(result.get("server", {}), dict):
        findings.add(Verdict.SUSPICIOUS, ("server",), "is no object and is left out.")
        del result["server"]
    server = result.setdefault("server", {})
    _translate_passthrough(result, server, findings)
    _translate_resources(result, findings)
    _translate_parameters(result.get("parameters"), findings)
    return result, findings


def _translate_entry(kind: PluginKind, place: Place, entry: dict[str, Any], findings: Findings) -> None:
    name = entry.get(kind.class_key)
    if not isinstance(name, str):
        findings.add(Verdict.SUSPICIOUS, place, f"has no {kind.class_key}; the server won't start with it.")
        return
    try:
        cls = resolve(kind, name).cls
    except UnknownPlugin as problem:
        findings.add(
            Verdict.SUSPICIOUS,
            (*place, kind.class_key),
            f"{problem.found}; expected {problem.expected}. The server won't start with this entry.",
        )
        return
    settings: type[BaseModel] = cls.Settings
    _drop_unknown(settings, place, entry, findings)
    environment = getattr(cls, "EnvironmentSettings", None)
    details = entry.get("environment_details")
    if environment is not None and isinstance(details, dict):
        nested = all(isinstance(value, dict) for value in details.values()) and not details.keys() & keys_of(
            environment
        )
        for key, value in details.items() if nested else [("", details)]:
            where = (*place, "environment_details", *([key] if key else []))
            _drop_unknown(environment, where, value, findings)
    findings.add(Verdict.KEPT, place, f"is a {name} here too.")


def _drop_unknown(model: type[BaseModel], place: Place, value: dict[str, Any], findings: Findings) -> None:
    """Take out the keys that the model doesn't know, at every level, and say so."""
    fields = keys_of(model)
    for key in list(value):
        if key not in fields:
            del value[key]
            findings.add(Verdict.IGNORED, (*place, key), "has no meaning here and is left out.")
            continue
        extra = fields[key].json_schema_extra
        reason = extra.get("without_effect") if isinstance(extra, dict) else None
        if reason is not None and key != "passthrough_domain":
            del value[key]
            findings.add(Verdict.IGNORED, (*place, key), f"{reason}.")
            continue
        inner = model_of(fields[key].annotation)
        if inner is not None and isinstance(value[key], dict):
            _drop_unknown(inner, (*place, key), value[key], findings)


def _translate_passthrough(result: dict[str, Any], server: dict[str, Any], findings: Findings) -> None:
    resources = result.get("available_resources")
    main = result.get("main_resource")
    for key, entry in resources.items() if isinstance(resources, dict) else ():
        domain = entry.pop("passthrough_domain", "") if isinstance(entry, dict) else ""
        if not domain:
            continue
        place = ("available_resources", key, "passthrough_domain")
        parts = urlsplit(domain) if isinstance(domain, str) and "://" in domain else None
        host = parts.hostname if parts is not None else None
        if parts is None or not host or host.replace(".", "").isdigit() or ":" in host:
            sentence = (
                f"found {str(domain)[:80]!r}; expected a scheme and a domain, such as https://jobs.example.org. "
                "It is left out: set server.jobs_domain and server.jobs_public_url."
            )
            findings.add(Verdict.SUSPICIOUS, place, sentence)
        elif key != main:
            findings.add(
                Verdict.IGNORED, place, "only main_resource's is used: all jobs have one domain here."
            )
        else:
            server["jobs_domain"] = host
            server["jobs_public_url"] = f"{parts.scheme}://{parts.netloc}"
            sentence = (
                "became server.jobs_domain and server.jobs_public_url: each job has a subdomain of its own, "
                "job-<number>, so that the wildcard certificate stays and nginx needs a new rule."
            )
            findings.add(Verdict.TRANSLATED, place, sentence)


def _translate_resources(result: dict[str, Any], findings: Findings) -> None:
    resources = result.get("available_resources")
    for key, entry in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(entry, dict):
            continue
        place: Place = ("available_resources", key)
        seconds = entry.get("time_pending_catch")
        if isinstance(seconds, str):
            where = (*place, "time_pending_catch")
            if seconds.isdigit():
                entry["time_pending_catch"] = int(seconds)
                findings.add(Verdict.TRANSLATED, where, "was text and became a number of seconds.")
            else:
                del entry["time_pending_catch"]
                findings.add(Verdict.SUSPICIOUS, where, "is no number of seconds and is left out.")
        mapping = entry.get("parameter_mapping")
        if isinstance(mapping, dict) and MINUTES_OLD in mapping and MINUTES not in mapping:
            entry["parameter_mapping"] = {MINUTES if k == MINUTES_OLD else k: v for k, v in mapping.items()}
            sentence = f"became {MINUTES}, like the parameter."
            findings.add(Verdict.TRANSLATED, (*place, "parameter_mapping", MINUTES_OLD), sentence)


def _translate_parameters(parameters: object, findings: Findings) -> None:
    entries = (
        [entry for entry in parameters if isinstance(entry, dict)] if isinstance(parameters, list) else []
    )
    names = [entry.get("variable_name") for entry in entries]
    for index, entry in enumerate(entries):
        place: Place = ("parameters", index)
        if entry.get("variable_name") == MINUTES_OLD and MINUTES not in names:
            entry["variable_name"] = MINUTES
            sentence = f"portals send {MINUTES}, which the original dropped in silence; renamed. Both are understood."
            findings.add(Verdict.TRANSLATED, (*place, "variable_name"), sentence)
        rules = entry.get("validation")
        for key in ("min", "max"):
            if isinstance(rules, dict) and rules.get(key) == 0 and not isinstance(rules.get(key), bool):
                sentence = "the original never checked a bound of 0; here it counts."
                findings.add(Verdict.SUSPICIOUS, (*place, "validation", key), sentence)
        for key in ("display_name", "variable_name", "validation"):
            if key not in entry:
                sentence = f"has no {key}; the server won't start with it."
                findings.add(Verdict.SUSPICIOUS, place, sentence)
    if entries:
        findings.add(Verdict.KEPT, ("parameters",), "mean the same here.")
