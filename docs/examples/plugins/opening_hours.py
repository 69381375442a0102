"""A resource: this machine, but jobs are started only between two hours of the day (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field

from uws.config.models import ResourceEntry
from uws.config.server import SettingsModel
from uws.jobs.resources.base import Launch, Launched, LaunchRefused
from uws.jobs.resources.local import LocalResource


class OpeningHours(SettingsModel):
    """`connection_details`: what the operator writes into `config.json`."""

    from_hour: int = Field(
        0, ge=0, le=23, description="First hour of the day, UTC, in which jobs are started."
    )
    to_hour: int = Field(24, ge=1, le=24, description="Hour, UTC, from which on none is started any more.")


class OpeningHoursEntry(ResourceEntry):
    """The whole entry: what every entry has, and the details above."""

    connection_details: OpeningHours = Field(OpeningHours(), description="When jobs are started.")


class OpeningHoursResource(LocalResource):
    """Refuses a launch outside its hours; everything else is the local resource's."""

    Settings: ClassVar[type[ResourceEntry]] = OpeningHoursEntry
    settings: OpeningHoursEntry

    def launch(self, launch: Launch) -> Launched:
        hours, now = self.settings.connection_details, datetime.now(UTC)
        if not hours.from_hour <= now.hour < hours.to_hour:
            raise LaunchRefused(
                f"Jobs are started between {hours.from_hour}:00 and {hours.to_hour}:00 UTC; it is {now:%H:%M}."
            )
        return super().launch(launch)
