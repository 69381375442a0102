"""From a name to a plugin class: entry point, dotted path, well-known name."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from tests.config import doubles
from tests.config.conftest import DOUBLES, installed_doubles
from uws.config.resolver import PluginKind, UnknownPlugin, known_names, resolve


def test_an_entry_point_is_found_first() -> None:
    found = resolve(PluginKind.RESOURCE, "LocalResource", installed=installed_doubles())
    assert (found.cls, found.found_by) == (doubles.DoubleResource, "entry point")


@pytest.mark.parametrize("name", [f"{DOUBLES}:DoubleStorage", f"{DOUBLES}.DoubleStorage"])
def test_a_dotted_path_is_found(name: str) -> None:
    found = resolve(PluginKind.STORAGE, name, installed=EntryPoints([]))
    assert (found.cls, found.found_by) == (doubles.DoubleStorage, "dotted path")


def test_the_original_s_names_are_known_without_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        resolve.__globals__["_WELL_KNOWN"][PluginKind.JOB_TYPE], "LocalTestJob", f"{DOUBLES}:DoubleTestJob"
    )
    found = resolve(PluginKind.JOB_TYPE, "LocalTestJob", installed=EntryPoints([]))
    assert (found.cls, found.found_by) == (doubles.DoubleTestJob, "well-known name")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (PluginKind.AUTHENTICATION, "GlobusUserAuthentication"),
        (PluginKind.AUTHENTICATION, "PSCAPIUserAuthentication"),
        (PluginKind.STORAGE, "HubmapLocalFileSystemStorage"),
        (PluginKind.RESOURCE, "SlurmAPIResource"),
        (PluginKind.JOB_TYPE, "AppyterJob"),
        (PluginKind.JOB_TYPE, "YACJob"),
    ],
)
def test_a_class_of_the_original_that_is_not_here_is_said_to_be_so(kind: PluginKind, name: str) -> None:
    with pytest.raises(UnknownPlugin) as refused:
        resolve(kind, name, installed=installed_doubles())
    assert refused.value.found == f'"{name}", which is not part of this release'
    assert all(f'"{known}"' in refused.value.expected for known in known_names(kind, installed_doubles()))


def test_an_entry_point_may_bring_a_class_of_the_original_back() -> None:
    point = EntryPoint("SlurmAPIResource", f"{DOUBLES}:DoubleCluster", "uws.resources")
    assert (
        resolve(PluginKind.RESOURCE, "SlurmAPIResource", installed=EntryPoints([point])).cls
        is doubles.DoubleCluster
    )


def test_a_name_that_two_packages_offer_is_refused() -> None:
    points = [
        EntryPoint("Disk", f"{DOUBLES}:DoubleStorage", "uws.storage"),
        EntryPoint("Disk", f"{DOUBLES}:OtherStorage", "uws.storage"),
    ]
    with pytest.raises(UnknownPlugin, match="several packages offer"):
        resolve(PluginKind.STORAGE, "Disk", installed=EntryPoints(points))


@pytest.mark.parametrize(
    ("name", "found", "hint"),
    [
        (
            f"{DOUBLES}:DoubleStorag",
            f'"{DOUBLES}:DoubleStorag", but {DOUBLES} has no "DoubleStorag"',
            "DoubleStorage",
        ),
        (f"{DOUBLES}:NoPlugin", f'"{DOUBLES}:NoPlugin", which is no plugin for available_storage', ""),
        (
            f"{DOUBLES}:DoubleResource",
            f'"{DOUBLES}:DoubleResource", which is no plugin for available_storage',
            "",
        ),
        ("a b.c:D", '"a b.c:D"', ""),
        (":", '":"', ""),
        ("...", '"..."', ""),
    ],
)
def test_what_is_no_plugin_of_the_kind_is_refused(name: str, found: str, hint: str) -> None:
    with pytest.raises(UnknownPlugin) as refused:
        resolve(PluginKind.STORAGE, name, installed=EntryPoints([]))
    assert (refused.value.found, refused.value.hint) == (found, hint)


def test_a_module_that_fails_on_import_is_told_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_plugin.py").write_text("raise RuntimeError('no licence found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownPlugin, match="RuntimeError: no licence found"):
        resolve(PluginKind.STORAGE, "failing_plugin:Disk", installed=EntryPoints([]))
