"""Our own plugins pass the kits that a stranger's must pass."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from uws.accounts.authentication.base import AuthenticationMethod
from uws.accounts.authentication.local import LocalEntry, LocalUserAuthentication
from uws.config.deployment import Deployment
from uws.config.models import DataCollectionEntry, ResourceEntry, StorageEntry
from uws.jobs.resources.base import Resource
from uws.jobs.resources.local import LocalResource
from uws.testing.authentication import CLIENT_TOKEN, AuthenticationConformance
from uws.testing.resources import ResourceConformance
from uws.testing.storage import StorageConformance
from uws.workspaces.storage.base import StorageMethod
from uws.workspaces.storage.local import LocalFileSystemStorage


def local_authentication(deployment: Deployment) -> LocalUserAuthentication:
    entry = LocalEntry(name="Local", user_authentication_type="LocalUserAuthentication")
    return LocalUserAuthentication("local", entry, deployment)


def local_storage(deployment: Deployment) -> LocalFileSystemStorage:
    entry = StorageEntry(
        name="Local",
        storage_type="LocalFileSystemStorage",
        user_authentication="local",
        root_dir=deployment.data_dir / "workspaces",
        data_collections=(DataCollectionEntry(name="Data", path=deployment.data_dir / "data"),),
    )
    return LocalFileSystemStorage("local", entry, local_authentication(deployment), deployment)


class TestLocalUserAuthentication(AuthenticationConformance):
    @pytest.fixture
    def method(self, deployment: Deployment) -> AuthenticationMethod:
        return local_authentication(deployment)

    @pytest.fixture
    def good_body(self) -> Mapping[str, object]:
        return {
            "client_token": CLIENT_TOKEN,
            "user_info": {"username": "ada", "email": "ada@example.org"},
        }


class TestLocalFileSystemStorage(StorageConformance):
    @pytest.fixture
    def storage(self, deployment: Deployment) -> StorageMethod:
        return local_storage(deployment)


class TestLocalResource(ResourceConformance):
    @pytest.fixture
    def resource(self, deployment: Deployment) -> Resource:
        storage = local_storage(deployment)
        entry = ResourceEntry(
            name="Local", resource_type="LocalResource", storage="local", user_authentication="local"
        )
        return LocalResource("local", entry, storage, storage.authentication, deployment)
