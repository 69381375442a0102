"""The documents are whole: generated pages are up to date, links lead somewhere, everything is mentioned."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs.generators import commands, configuration, environment, events, http_api, plugins
from tests.conftest import CONFIG
from tests.docs.pages import DOCS, ROOT, blocks, pages, read

from docs import generate
from uws.config.deployment import prepare_data_directory
from uws.config.load import LoadedConfig, load
from uws.config.models import Config
from uws.config.resolver import PluginKind
from uws.config.schema import documented_keys
from uws.events import log
from uws.events.kinds import KINDS
from uws.jobs.resources.base import EndReason
from uws.jobs.states import TRANSITIONS as JOB_TRANSITIONS
from uws.jobs.states import JobStep
from uws.workspaces.states import TRANSITIONS as WORKSPACE_TRANSITIONS

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)+)`")
_GROUPS = "|".join({kind.partition(".")[0] for kind in KINDS})
_KIND = re.compile(rf"\"((?:{_GROUPS})\.(?!html)[a-z_]+)\"")


# --- generated pages, links ------------------------------------------------------------------------


def test_generated_pages_are_up_to_date() -> None:
    assert [str(path) for path in generate.stale_pages()] == []


def test_a_stale_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setitem(generate.PAGES, "events.md", lambda: "something else")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == (
        "docs/reference/events.md is not up to date: run python -m docs.generate\n"
    )


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    plain = (heading.replace("`", "").strip().lower() for heading in _HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_internal_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(path), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_index() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))))
        waiting += [(page.parent / link).resolve() for link in links if link and ":" not in link]
    assert set(DOCS.rglob("*.md")) <= reached


# --- everything is mentioned -----------------------------------------------------------------------


def test_every_key_of_the_configuration_is_in_the_reference() -> None:
    text = read("reference/configuration.md")
    keys = list(documented_keys(Config))
    for kind in PluginKind:
        for name in configuration.built_in_plugins(kind):
            assert f"### `{name}`" in text
            keys += configuration.plugin_keys(kind, name)
    assert len(keys) > 60
    for key in keys:
        assert f"| `{key.path}` |" in text
        assert key.description, key.path


def test_every_variable_is_in_the_reference() -> None:
    text = read("reference/environment-variables.md")
    names = [name for name, _ in environment.server_variables()]
    assert "UWS_SERVER__LIMITS__UPLOAD_BYTES" in names
    for name in (*names, "UWS_DATA_DIR", "UWS_CONFIG", "UWS_URL", "UWS_TOKEN"):
        assert f"`{name}`" in text


def test_every_command_is_in_the_reference() -> None:
    text = read("reference/command-line.md")
    names = [name for name, _ in commands.commands()]
    assert {"uws serve", "uws admin token create"} <= set(names)
    for name in names:
        assert f"## `{name}`\n" in text


def test_every_route_is_in_the_reference() -> None:
    text = read("reference/http-api.md")
    found = [f"`{method.upper()} {path}`" for method, path, *_ in http_api.routes()]
    assert "`PUT /workspaces/{workspace_id}/start/`" in found
    for route in found:
        assert route in text


def test_every_method_of_a_plugin_is_in_the_reference_and_has_a_text() -> None:
    text = read("reference/plugins.md")
    for base in plugins.CONTRACTS:
        for name, member in plugins.methods(base):
            assert f"### `{base.__name__}.{name}`" in text
            assert member.__doc__, f"{base.__name__}.{name}"


def test_every_state_step_and_reason_is_in_the_reference() -> None:
    text = read("reference/states.md")
    for old, new in (*WORKSPACE_TRANSITIONS, *JOB_TRANSITIONS):
        assert f"    {old} --> {new}\n" in text
    for word in (*JobStep, *EndReason):
        assert f"| `{word}` |" in text


def test_every_command_that_a_page_shows_has_its_options() -> None:
    shown = 0
    for page in sorted([*DOCS.glob("how-to/*.md"), *DOCS.glob("tutorial/*.md"), ROOT / "README.md"]):
        for command in shown_commands(page.read_text("utf-8")):
            words = command.split()
            section = command_section(words)
            assert section, f"{page.name}: there is no command {command!r}"
            for option in (word.partition("=")[0] for word in words if re.match(r"--\w", word)):
                assert re.search(rf"{option}\b", section), f"{page.name}: {command!r} has no {option}"
                shown += 1
    assert shown > 15


def shown_commands(text: str) -> Iterator[str]:
    """Yield each `uws` command in the shell blocks of a page, without its comment."""
    for block in re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield from re.findall(r"(?:^|\$\(|&& )(uws [^#)]*)", line)


def command_section(words: list[str]) -> str:
    """Return the reference's section of the longest command that the words begin with; empty where there is none."""
    for count in range(len(words), 1, -1):
        _, found, rest = read("reference/command-line.md").partition(f"\n## `{' '.join(words[:count])}`\n")
        if found:
            return rest.partition("\n## ")[0]
    return ""


# --- events ----------------------------------------------------------------------------------------


def kinds_in_the_code() -> Iterator[str]:
    for path in (ROOT / "src/uws").rglob("*.py"):
        if path.name != "kinds.py":
            yield from _KIND.findall(path.read_text("utf-8"))
    for machine, transitions in (("workspace", WORKSPACE_TRANSITIONS), ("job", JOB_TRANSITIONS)):
        yield from (f"{machine}.{new}" for _, new in transitions)
    for plugin in ("resource", "storage", "authentication"):
        yield from (f"{plugin}.connected", f"{plugin}.disconnected")


def test_the_table_of_events_is_what_the_code_writes() -> None:
    assert set(kinds_in_the_code()) == set(KINDS)


def test_every_event_is_in_the_reference() -> None:
    text = read("reference/events.md")
    assert {kind.partition(".")[0] for kind in KINDS} <= set(events.SUBJECTS)
    for kind in KINDS:
        assert f"| `{kind}` |" in text


@pytest.mark.django_db
def test_an_event_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no event kind 'job\.vanished'"):
        log.append("job.vanished", "jobs/1", owner_id=None, actor="server")
    assert log.last_position() == 0


# --- examples --------------------------------------------------------------------------------------


SECRETS = {"database-url": "postgresql://uws:secret@db.example.org/uws", "mail-password": "secret"}


def loaded(tmp_path: Path, part: dict[str, Any]) -> LoadedConfig:
    """Load the tests' configuration with an example's top-level keys in place of its own."""
    data_dir = prepare_data_directory(tmp_path / "data-dir")
    for name, text in SECRETS.items():
        secret = data_dir / name
        secret.write_text(text)
        secret.chmod(0o600)
    (data_dir / "config.json").write_text(json.dumps(CONFIG | part))
    return load(data_dir / "config.json", data_dir=data_dir, environ={"SITE_NAME": "Example"})


APPLICATIONS = sorted((DOCS / "examples/applications").glob("*.json"))


@pytest.mark.parametrize("path", APPLICATIONS, ids=lambda path: path.stem)
def test_an_example_of_an_application_loads(tmp_path: Path, path: Path) -> None:
    part = json.loads(path.read_text("utf-8"))
    assert set(loaded(tmp_path, part).plugins.job_types) == set(part["available_job_types"])


CONFIGURATIONS = [
    (page, number, text)
    for page in ("how-to/configure.md", "how-to/install.md")
    for number, text in enumerate(blocks(page, "json"))
]


@pytest.mark.parametrize(("page", "number", "text"), CONFIGURATIONS)
def test_an_example_of_the_configuration_loads(tmp_path: Path, page: str, number: int, text: str) -> None:
    assert loaded(tmp_path, json.loads(text)).config


def test_the_example_of_a_token_is_what_an_application_takes(tmp_path: Path) -> None:
    details = json.loads(blocks("how-to/add-an-application.md", "json")[1])
    entry = {"name": "marimo", "job_type": "ApplicationJob", "environment_details": {"local": details}}
    assert loaded(tmp_path, {"available_job_types": {"marimo": entry}}).plugins.job_types


def test_the_example_of_a_plugins_entry_loads(tmp_path: Path) -> None:
    text = blocks("how-to/write-a-plugin.md", "json")[0]
    part = json.loads(text.replace("our_package.", "docs.examples.plugins."))
    part["available_user_authentication"] |= CONFIG["available_user_authentication"]
    assert set(loaded(tmp_path, part).plugins.authentication) == {"local", "tokens"}


def test_every_difference_names_tests_that_exist() -> None:
    named = _TEST_NAME.findall(read("compatibility.md"))
    assert len(named) > 50
    missing = [
        f"{file}::{name}"
        for file, names in named
        for name in names.split("::")[1:]
        if not re.search(rf"(def|class) {name}\(", (ROOT / file).read_text("utf-8"))
    ]
    assert missing == []


def test_every_row_of_the_differences_names_a_test() -> None:
    rows = [line for line in read("compatibility.md").splitlines() if line.startswith("| ")]
    for row in rows:
        if not row.startswith(("| the original |", "| --- ")):
            assert _TEST_NAME.search(row), row
