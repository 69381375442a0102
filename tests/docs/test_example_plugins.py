"""The plugins that `docs/how-to/write-a-plugin.md` shows pass the kits, and do what the page says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from docs.examples.plugins.catalogue_storage import CatalogueDetails, CatalogueEntry, CatalogueStorage
from docs.examples.plugins.opening_hours import OpeningHours, OpeningHoursEntry, OpeningHoursResource
from docs.examples.plugins.token_file import TokenFile, TokenFileDetails, TokenFileEntry
from docs.examples.plugins.word_count import WordCountJob
from tests.conformance.test_built_in_plugins import local_authentication, local_storage
from tests.conftest import wait_until

from uws.accounts.authentication.base import AuthenticationMethod, Identification
from uws.config.deployment import Deployment
from uws.jobs.resources.base import EndReason, LaunchRefused, ObservedState, Resource
from uws.jobs.types.base import JobDetailsRefused, JobType
from uws.testing.authentication import ADA, AuthenticationConformance, OneClient
from uws.testing.deployment import deployment_in
from uws.testing.job_types import JobTypeConformance, build_context, build_job_type
from uws.testing.resources import ResourceConformance, Start
from uws.testing.storage import StorageConformance
from uws.workspaces.storage.base import LinkRequest, StorageMethod

TOKEN = "a-token-of-ada"


class TestTokenFile(AuthenticationConformance):
    @pytest.fixture
    def method(self, deployment: Deployment) -> AuthenticationMethod:
        file = deployment.data_dir / "people.txt"
        file.write_text(f"{hashlib.sha256(TOKEN.encode()).hexdigest()} ada ada@example.org\n")
        entry = TokenFileEntry(
            name="Tokens", user_authentication_type="x:X", connection_details=TokenFileDetails(file=file)
        )
        return TokenFile("tokens", entry, deployment)

    @pytest.fixture
    def good_body(self) -> Mapping[str, object]:
        return {"auth_token": TOKEN}

    def test_a_token_of_the_file_is_its_owners(self, method: AuthenticationMethod) -> None:
        who = method.identify({"auth_token": TOKEN}, OneClient())
        assert isinstance(who, Identification)
        assert (who.username, who.email) == ("ada", "ada@example.org")


class TestCatalogueStorage(StorageConformance):
    @pytest.fixture
    def storage(self, deployment: Deployment) -> StorageMethod:
        catalogue = deployment.data_dir / "catalogue.json"
        catalogue.write_text(json.dumps({"DS-12": "/data/brain"}))
        entry = CatalogueEntry(
            name="Catalogue",
            storage_type="x:X",
            user_authentication="local",
            root_dir=deployment.data_dir / "workspaces",
            connection_details=CatalogueDetails(catalogue=catalogue),
        )
        return CatalogueStorage("catalogue", entry, local_authentication(deployment), deployment)

    def test_a_data_set_becomes_its_directory(self, storage: StorageMethod) -> None:
        wanted = [LinkRequest("brain", {"name": "brain", "dataset_id": "DS-12"})]
        assert [link.target for link in storage.resolve_links(ADA, wanted, {})] == ["/data/brain"]


def opening_hours(deployment: Deployment, hours: OpeningHours) -> OpeningHoursResource:
    storage = local_storage(deployment)
    entry = OpeningHoursEntry(
        name="By day",
        resource_type="x:X",
        storage="local",
        user_authentication="local",
        connection_details=hours,
    )
    return OpeningHoursResource("by-day", entry, storage, storage.authentication, deployment)


class TestOpeningHoursResource(ResourceConformance):
    @pytest.fixture
    def resource(self, deployment: Deployment) -> Resource:
        return opening_hours(deployment, OpeningHours())

    def test_nothing_is_started_outside_the_hours(self, deployment: Deployment) -> None:
        closed = opening_hours(deployment, OpeningHours(from_hour=23, to_hour=1))
        with pytest.raises(LaunchRefused, match="Jobs are started between 23:00 and 1:00 UTC"):
            Start(closed, deployment)(["true"])


class TestWordCountJob(JobTypeConformance):
    @pytest.fixture
    def job_type(self, deployment: Deployment) -> JobType:
        return build_job_type(WordCountJob, deployment, {})

    @pytest.fixture
    def job_details(self) -> Mapping[str, object]:
        return {"file": "notes.txt"}

    @pytest.mark.parametrize("file", [None, "", 7, "/etc/passwd", "../other", "a\0b"])
    def test_a_file_that_is_none_of_the_workspace_is_refused(self, job_type: JobType, file: object) -> None:
        with pytest.raises(JobDetailsRefused, match="file: "):
            job_type.check_details({"file": file})


def test_word_count_counts_words(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path / "uws")
    context = build_context(tmp_path / "storage", job_details={"file": "notes.txt"})
    script = build_job_type(WordCountJob, deployment, {}).prepare("local", context).script
    resource = opening_hours(deployment, OpeningHours())
    words_first = "printf 'one two three' > notes.txt; exec \"$@\""
    job = Start(resource, deployment)(["sh", "-c", words_first, "sh", *script.command])
    wait_until(lambda: resource.observe([job])[job.key].state == ObservedState.ENDED)
    assert resource.observe([job])[job.key].reason == EndReason.SUCCESS
    assert (job.place.job_directory / "output.log").read_text() == "3 notes.txt\n"
