# ruff: noqa: E501  (the lines stand here as an operator reads them)
"""Every kind of mistake in `config.json`: its id, and the line an operator reads."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.config.conftest import Load, Mistakes, Tree, change, installed_doubles
from uws.config.load import load
from uws.config.mistakes import ConfigError, json_path

STORAGE = ("available_storage", "local")
RESOURCE = ("available_resources", "here")
JOB_TYPE = ("available_job_types", "jupyter_lab")
PARAMETER = ("parameters", 0)
REMOVED = object()

CHANGES: list[tuple[tuple[Any, ...], Any, str, str]] = [
    (
        ("main_storag",),
        "local",
        "unknown_key",
        '$.main_storag: found an unknown key; expected one of "api_user_authentication", "main_storage", '
        '"main_resource", "available_user_authentication", "available_storage", "available_resources", '
        '"available_job_types", "parameters", "server". Did you mean "main_storage"?',
    ),
    (
        (*STORAGE, "rot_dir"),
        "x",
        "unknown_key",
        '$.available_storage.local.rot_dir: found an unknown key; expected one of "name", "storage_type", '
        '"user_authentication", "root_dir", "data_collections", "connection_details". Did you mean "root_dir"?',
    ),
    (
        (*STORAGE, "connection_details"),
        {"a": 1},
        "unknown_key",
        "$.available_storage.local.connection_details.a: found an unknown key; expected no keys here",
    ),
    (
        (*PARAMETER, "validation", "minimum"),
        1,
        "unknown_key",
        '$.parameters[0].validation.minimum: found an unknown key; expected one of "type", "min", "max", "required". '
        'Did you mean "min"?',
    ),
    (
        (*JOB_TYPE, "environment_details", "here", "python_package"),
        [],
        "unknown_key",
        "$.available_job_types.jupyter_lab.environment_details.here.python_package: found an unknown key; "
        'expected one of "module_manager", "environment_name", "python_packages", "tar_file_path", "time_limit". '
        'Did you mean "python_packages"?',
    ),
    (("main_storage",), REMOVED, "missing_key", "$.main_storage: found nothing; expected a string"),
    (
        (*STORAGE, "root_dir"),
        REMOVED,
        "missing_key",
        "$.available_storage.local.root_dir: found nothing; expected a path",
    ),
    (
        ("parameters",),
        REMOVED,
        "missing_key",
        "$.parameters: found nothing; expected a list, each item an object",
    ),
    (
        (*JOB_TYPE, "job_type"),
        REMOVED,
        "missing_key",
        "$.available_job_types.jupyter_lab.job_type: found nothing; expected a string",
    ),
    (("main_storage",), 7, "wrong_type", "$.main_storage: found 7; expected a string"),
    (
        ("available_storage",),
        [],
        "wrong_type",
        "$.available_storage: found an empty list; expected an object",
    ),
    (STORAGE, "disk", "wrong_type", '$.available_storage.local: found "disk"; expected an object'),
    (
        ("server", "web_workers"),
        "2",
        "wrong_type",
        '$.server.web_workers: found "2"; expected a whole number',
    ),
    (
        ("server", "web_workers"),
        True,
        "wrong_type",
        "$.server.web_workers: found true; expected a whole number",
    ),
    (
        ("server", "shared_account"),
        1,
        "wrong_type",
        "$.server.shared_account: found 1; expected true or false",
    ),
    (
        (*PARAMETER, "validation", "min"),
        "one",
        "wrong_type",
        '$.parameters[0].validation.min: found "one"; expected a number or null',
    ),
    (
        (*JOB_TYPE, "environment_details", "here"),
        3,
        "wrong_type",
        "$.available_job_types.jupyter_lab.environment_details.here: found 3; expected an object",
    ),
    (
        ("server", "web_workers"),
        0,
        "wrong_value",
        "$.server.web_workers: found 0; expected a whole number of at least 1",
    ),
    (
        ("server", "run_jobs_as"),
        "slef",
        "wrong_value",
        '$.server.run_jobs_as: found "slef"; expected "self" or "user". Did you mean "self"?',
    ),
    (
        (*JOB_TYPE, "environment_details", "here", "module_manager"),
        "virtualnev",
        "wrong_value",
        '$.available_job_types.jupyter_lab.environment_details.here.module_manager: found "virtualnev"; '
        'expected "virtualenv" or "lmod" or "tar". Did you mean "virtualenv"?',
    ),
    (
        (*JOB_TYPE, "environment_details", "here", "module_manager"),
        "tar",
        "wrong_value",
        "$.available_job_types.jupyter_lab.environment_details.here: tar_file_path: found nothing; "
        "expected a path with module_manager tar",
    ),
    (
        ("server", "hosts"),
        ["http://uws.example.org"],
        "wrong_value",
        '$.server.hosts[0]: found "http://uws.example.org"; expected a host name or address without scheme and port, '
        'such as "uws.example.org" or "[::1]"',
    ),
    (
        ("server", "hosts"),
        [],
        "wrong_value",
        "$.server.hosts: found an empty list; expected one that is not empty",
    ),
    (
        ("server", "jobs_domain"),
        "*.example.org",
        "wrong_value",
        '$.server.jobs_domain: found "*.example.org"; expected a domain without scheme and port, '
        'such as "jobs.example.org"',
    ),
    (
        ("server", "public_url"),
        "uws.example.org",
        "wrong_value",
        '$.server.public_url: found "uws.example.org"; expected a scheme, a host and perhaps a port, '
        'such as "https://uws.example.org"',
    ),
    (
        ("server", "public_url"),
        "https://uws.example.org",
        "wrong_value",
        '$.server.public_url: found "https://uws.example.org"; expected an address whose host is one of '
        'server.hosts: "localhost", "127.0.0.1", "[::1]"',
    ),
    (
        ("server", "jobs_public_url"),
        "https://jobs.example.org",
        "wrong_value",
        '$.server.jobs_public_url: found "https://jobs.example.org"; expected an address whose host is '
        'server.jobs_domain, "localhost"',
    ),
    (
        ("server", "trusted_proxies"),
        ["proxy"],
        "wrong_value",
        '$.server.trusted_proxies[0]: found "proxy"; expected an address or a network, such as "10.0.0.5" '
        'or "10.0.0.0/24"',
    ),
    (
        ("server", "mail"),
        {"host": "mail.example.org", "from_address": "uws"},
        "wrong_value",
        '$.server.mail.from_address: found "uws"; expected an e-mail address, such as "uws@example.org"',
    ),
    (
        ("server", "database"),
        {"url": "mysql://uws:hunter2@db/uws"},
        "wrong_value",
        "$.server.database.url: found another kind of address (not shown: it may hold a password); expected an empty "
        "string (SQLite in the data directory) or postgresql://user:password@host/name",
    ),
    (
        (*STORAGE, "root_dir"),
        "~/workspaces",
        "wrong_value",
        '$.available_storage.local.root_dir: found "~/workspaces"; expected an absolute path, or one relative to the '
        "data directory (${HOME} stands for the home directory)",
    ),
    (
        (*STORAGE, "root_dir"),
        "",
        "wrong_value",
        '$.available_storage.local.root_dir: found ""; expected an absolute path, or one relative to the data '
        "directory",
    ),
    (
        (*PARAMETER, "variable_name"),
        "num cpus",
        "wrong_value",
        '$.parameters[0].variable_name: found "num cpus"; expected a name of at most 64 letters, digits and '
        "underscores that begins with no digit",
    ),
    (
        ("available_job_types", "a/b"),
        {"name": "A", "job_type": "LocalTestJob", "environment_details": {}},
        "wrong_value",
        '$.available_job_types["a/b"]: found "a/b"; expected a key of 1 to 64 printable characters without a slash',
    ),
    (
        ("server", "run_jobs_as"),
        "user",
        "not_in_this_release",
        '$.server.run_jobs_as: found "user"; expected "self": this release does all work as the account that runs '
        "the server",
    ),
    (
        ("main_storage",),
        "locl",
        "unknown_reference",
        '$.main_storage: found "locl"; expected one of the keys of available_storage: "local". Did you mean "local"?',
    ),
    (
        ("api_user_authentication",),
        "globus",
        "unknown_reference",
        '$.api_user_authentication: found "globus"; expected one of the keys of available_user_authentication: "local"',
    ),
    (
        ("main_resource",),
        "there",
        "unknown_reference",
        '$.main_resource: found "there"; expected one of the keys of available_resources: "here". '
        'Did you mean "here"?',
    ),
    (
        (*STORAGE, "user_authentication"),
        "lokal",
        "unknown_reference",
        '$.available_storage.local.user_authentication: found "lokal"; expected one of the keys of '
        'available_user_authentication: "local". Did you mean "local"?',
    ),
    (
        (*RESOURCE, "storage"),
        "locl",
        "unknown_reference",
        '$.available_resources.here.storage: found "locl"; expected one of the keys of available_storage: "local". '
        'Did you mean "local"?',
    ),
    (
        (*RESOURCE, "user_authentication"),
        "nobody",
        "unknown_reference",
        '$.available_resources.here.user_authentication: found "nobody"; expected one of the keys of '
        'available_user_authentication: "local"',
    ),
    (
        (*JOB_TYPE, "environment_details"),
        {"hree": {"module_manager": "virtualenv"}},
        "unknown_reference",
        '$.available_job_types.jupyter_lab.environment_details.hree: found "hree"; expected one of the keys of '
        'available_resources: "here". Did you mean "here"?',
    ),
    (
        (*RESOURCE, "resource_type"),
        "SlurmAPIResource",
        "unknown_class",
        '$.available_resources.here.resource_type: found "SlurmAPIResource", which is not part of this release; '
        'expected one of "LocalResource"',
    ),
    (
        (*RESOURCE, "resource_type"),
        "LocalResorce",
        "unknown_class",
        '$.available_resources.here.resource_type: found "LocalResorce", which is no known class; '
        'expected one of "LocalResource", or package.module:Class. Did you mean "LocalResource"?',
    ),
    (
        (*RESOURCE, "resource_type"),
        "nowhere_at_all.cluster:Cluster",
        "unknown_class",
        '$.available_resources.here.resource_type: found "nowhere_at_all.cluster:Cluster", which can\'t be imported '
        "(ModuleNotFoundError: No module named 'nowhere_at_all'); expected package.module:Class of an installed package",
    ),
    (
        (*PARAMETER, "default_value"),
        5,
        "parameter_default",
        "$.parameters[0].default_value: found 5; expected at most validation.max, which is 4",
    ),
    (
        (*PARAMETER, "default_value"),
        0,
        "parameter_default",
        "$.parameters[0].default_value: found 0; expected at least validation.min, which is 1",
    ),
    (
        (*PARAMETER, "default_value"),
        True,
        "parameter_default",
        "$.parameters[0].default_value: found true; expected a value of validation.type, int",
    ),
    (
        (*PARAMETER, "validation", "min"),
        5,
        "parameter_bounds",
        "$.parameters[0].validation.min: found 5; expected at most max, which is 4",
    ),
    (
        (*PARAMETER, "validation"),
        {"type": "bool", "max": 1},
        "parameter_bounds",
        "$.parameters[0].validation.max: found 1; expected no max for the type bool",
    ),
    (
        (*STORAGE, "name"),
        "${UNSET}",
        "missing_variable",
        '$.available_storage.local.name: found "${UNSET}"; expected the environment variable UNSET to be set '
        "($${UNSET} writes the text itself)",
    ),
    (
        ("server", "mail"),
        {"host": "mail", "from_address": "uws@example.org", "password": "file:/nowhere/at-all"},
        "unreadable_secret",
        '$.server.mail.password: found "file:/nowhere/at-all", but it can\'t be read (No such file or directory); '
        "expected a file with the secret, readable by the account that runs the server",
    ),
]


@pytest.mark.parametrize(
    ("keys", "value", "id", "line"), CHANGES, ids=[f"{c[2]}-{json_path(c[0])}" for c in CHANGES]
)
def test_a_mistake_has_an_id_and_a_readable_line(
    keys: tuple[Any, ...], value: Any, id: str, line: str, tree: Tree, mistakes_of: Mistakes
) -> None:
    if value is REMOVED:
        inner: Any = tree
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
    else:
        change(tree, keys, value)
    mistakes = mistakes_of(tree)
    assert (f"config.json: {line}", id) in [(str(mistake), mistake.id) for mistake in mistakes]
    caused_by_it = [mistake for mistake in mistakes if mistake.id not in ("missing_key", "wrong_type")]
    assert len(caused_by_it) <= 1 or id in ("unknown_reference", "parameter_bounds")


TEXTS: list[tuple[str | bytes, str, str]] = [
    (
        "",
        "not_json",
        "config.json: found an empty file; expected an object with main_storage, main_resource and so on",
    ),
    (
        '{"a": 1,\n  b: 2}',
        "not_json",
        "config.json: found a mistake at line 2, column 3 "
        "(Expecting property name enclosed in double quotes); expected JSON",
    ),
    (
        b'{"a": "\xe9"}',
        "not_utf8",
        "config.json: found the byte 0xe9 at position 7; expected UTF-8 text",
    ),
    (
        "[]",
        "not_an_object",
        "config.json: $: found an empty list; expected an object with main_storage, main_resource and so on",
    ),
    (
        "NaN",
        "not_an_object",
        "config.json: $: found NaN; expected an object with main_storage, main_resource and so on",
    ),
    (
        '{"main_storage": "a", "main_storage": "b"}',
        "duplicate_key",
        "config.json: $.main_storage: found the key more than once; expected it once",
    ),
    (
        '{"server": {"web_workers": NaN}}',
        "not_a_number",
        "config.json: $.server.web_workers: found NaN; expected a number of at most 40 digits",
    ),
    (
        '{"server": {"web_workers": 1e999}}',
        "not_a_number",
        "config.json: $.server.web_workers: found 1e999; expected a number of at most 40 digits",
    ),
    (
        '{"server": {"web_workers": ' + "9" * 5000 + "}}",
        "not_a_number",
        "config.json: $.server.web_workers: found a number of 5000 digits; expected a number of at most 40 digits",
    ),
    (
        '{"main_storage": "a\\u0000b"}',
        "bad_text",
        "config.json: $.main_storage: found a NUL character; expected text without it",
    ),
    (
        '{"main_storage": "\\ud800"}',
        "bad_text",
        "config.json: $.main_storage: found half a character (a lone surrogate); expected text without it",
    ),
    (
        "[" * 100_000,
        "too_deep",
        "config.json: found more than 40 levels; expected objects and lists less deeply nested",
    ),
    (
        '{"a": "' + "x" * 1024 * 1024 + '"}',
        "too_large",
        "config.json: found a larger file; expected at most 1048576 bytes",
    ),
]


@pytest.mark.parametrize(("text", "id", "line"), TEXTS, ids=[f"{t[1]}-{i}" for i, t in enumerate(TEXTS)])
def test_what_json_leaves_open_is_a_mistake(
    text: str | bytes, id: str, line: str, mistakes_of: Mistakes
) -> None:
    assert (line, id) in [(str(mistake), mistake.id) for mistake in mistakes_of(text)]


def test_all_mistakes_are_told_at_once(tree: Tree, mistakes_of: Mistakes) -> None:
    change(tree, ("main_storage",), "locl")
    change(tree, (*STORAGE, "storage_type"), "Nothing")
    change(tree, (*STORAGE, "name"), "")
    change(tree, (*RESOURCE, "surplus"), 1)
    del tree["available_job_types"]["jupyter_lab"]["environment_details"]["here"]["module_manager"]
    change(tree, ("server", "web_workers"), "many")
    change(tree, (*PARAMETER, "default_value"), 9)
    assert {(mistake.id, mistake.path) for mistake in mistakes_of(tree)} == {
        ("unknown_reference", "$.main_storage"),
        ("unknown_class", "$.available_storage.local.storage_type"),
        ("wrong_value", "$.available_storage.local.name"),
        ("unknown_key", "$.available_resources.here.surplus"),
        ("missing_key", "$.available_job_types.jupyter_lab.environment_details.here.module_manager"),
        ("wrong_type", "$.server.web_workers"),
        ("parameter_default", "$.parameters[0].default_value"),
    }


def test_one_place_has_one_mistake(tree: Tree, mistakes_of: Mistakes) -> None:
    paths = [mistake.path for mistake in mistakes_of(change(tree, ("main_storage",), "${UNSET}"))]
    assert paths == ["$.main_storage"]


def places_of(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*place, key)
        yield from places_of(item, (*place, key))


@pytest.mark.parametrize(
    "value",
    [None, 7, -1.5, True, "", "x", "${JSON}", "file:/x", [], [[]], {}, {"": {}}, [None], "\u2028"],
    ids=repr,
)
def test_any_value_in_any_place_is_good_or_a_mistake(value: Any, tree: Tree, load_tree: Load) -> None:
    tree["server"] = {
        "mail": {"host": "mail", "from_address": "uws@example.org"},
        "limits": {},
        "hosts": ["::1"],
    }
    refused = 0
    for place in places_of(tree):
        try:
            load_tree(change(copy.deepcopy(tree), place, value), {"JSON": '{"a": [1]}'})
        except ConfigError as error:
            refused += len(error.mistakes) > 0
    assert refused > 20


def test_two_parameters_of_one_name_are_a_mistake(tree: Tree, mistakes_of: Mistakes) -> None:
    tree["parameters"].append(copy.deepcopy(tree["parameters"][0]))
    assert [str(mistake) for mistake in mistakes_of(tree)] == [
        'config.json: $.parameters[1].variable_name: found "num_cpus"; '
        "expected a name of its own: $.parameters[0] has this one"
    ]


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "site.json", data_dir=tmp_path, environ={}, installed=installed_doubles())
    assert str(refused.value) == (
        f"site.json: found no file at {tmp_path}/site.json; expected a file that the server's account can read"
    )


def test_a_fifo_in_place_of_the_file_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ConfigError, match="something else than a file"):
        load(None, data_dir=tmp_path, environ={}, installed=installed_doubles())


def test_a_secret_stands_in_no_mistake(tree: Tree, mistakes_of: Mistakes) -> None:
    change(tree, ("server", "mail"), {"host": 1, "from_address": "x", "password": ["hunter2"]})
    change(tree, ("server", "database"), {"url": "mysql://uws:hunter2@db/uws"})
    change(tree, ("server", "limits"), "${LIMITS}")
    lines = [str(mistake) for mistake in mistakes_of(tree, {"LIMITS": '{"password": "hunter2"}'})]
    assert any(
        "$.server.mail.password: found a value that is not a string (not shown)" in line for line in lines
    )
    assert "hunter2" not in "".join(lines)


def test_a_byte_order_mark_is_no_mistake(tree: Tree, load_tree: Load) -> None:
    assert load_tree(b"\xef\xbb\xbf" + json.dumps(tree).encode()).config.main_storage == "local"
