"""The conformance kit of storage methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from uws.accounts.person import ExternalAccount
from uws.config.deployment import Deployment
from uws.testing.authentication import ADA
from uws.testing.deployment import deployment_in
from uws.workspaces.files import open_workspace
from uws.workspaces.storage.base import LinkRefused, LinkRequest, StorageMethod

ADAS_ACCOUNT = ExternalAccount(user_id="ada", username="ada")
GRACES_ACCOUNT = ExternalAccount(user_id="grace", username="grace")


class StorageConformance:
    """What every storage method must do. Override `storage`; its root must exist and be writable."""

    @pytest.fixture
    def deployment(self, tmp_path: Path) -> Deployment:
        return deployment_in(tmp_path / "uws")

    @pytest.fixture
    def storage(self, deployment: Deployment) -> StorageMethod:
        raise NotImplementedError("override this fixture: return the storage method under test")

    def test_the_root_is_absolute(self, storage: StorageMethod) -> None:
        assert storage.root.is_absolute()

    def test_no_two_workspaces_share_a_directory(self, storage: StorageMethod) -> None:
        paths = {
            storage.workspace_path(account, number)
            for account in (ADAS_ACCOUNT, GRACES_ACCOUNT)
            for number in (1, 11, 2)
        }
        assert len(paths) == 6
        for path in paths:
            assert not path.startswith("/")
            assert ".." not in path.split("/")
            assert not any(other.startswith(f"{path}/") for other in paths), "one workspace lies in another"

    def test_a_workspace_can_be_made_filled_listed_and_removed(
        self, storage: StorageMethod, deployment: Deployment
    ) -> None:
        identity = storage.identity(ADAS_ACCOUNT)
        path = storage.workspace_path(ADAS_ACCOUNT, 1)
        with open_workspace(deployment.agents, identity, storage.root, path) as files:
            files.create()
            files.write("notes/first.txt", b"hello")
            assert files.scan().files == ["/notes/first.txt"]
            assert files.read("notes/first.txt") == b"hello"
            assert files.remove()
            assert files.status() is None

    def test_offered_data_can_be_linked(self, storage: StorageMethod) -> None:
        for collection in storage.collections(ADA):
            assert collection.path.is_absolute()
            wanted = [LinkRequest("data", {"name": "data", "source_path": str(collection.path)})]
            assert [link.name for link in storage.resolve_links(ADA, wanted, {})] == ["data"]

    @pytest.mark.parametrize("source", ["/etc/shadow", "/", "relative", "", "/data/../etc", None, 7, "/a\0b"])
    def test_a_source_that_is_not_offered_is_refused(self, storage: StorageMethod, source: object) -> None:
        with pytest.raises(LinkRefused) as refused:
            storage.resolve_links(ADA, [LinkRequest("data", {"name": "data", "source_path": source})], {})
        assert refused.value.message

    def test_one_bad_link_spoils_all(self, storage: StorageMethod) -> None:
        good = [
            LinkRequest("data", {"name": "data", "source_path": str(collection.path)})
            for collection in storage.collections(ADA)
        ]
        bad = LinkRequest("bad", {"name": "bad", "source_path": "/etc/shadow"})
        with pytest.raises(LinkRefused):
            storage.resolve_links(ADA, [*good, bad], {})

    def test_the_health_is_one_sentence(self, storage: StorageMethod) -> None:
        health = storage.health()
        assert health.message
        assert "\n" not in health.message
