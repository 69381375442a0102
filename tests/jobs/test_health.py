"""How plugins are: told from their last answer, whatever it was."""

from __future__ import annotations

import pytest

from uws.background.models import PluginHealth
from uws.config.health import Health
from uws.jobs.health import PluginHealthBoard

pytestmark = pytest.mark.django_db


class Recovering:
    """Times out when it is first asked, as a socket does, and answers the second time."""

    asked = 0

    def health(self) -> Health:
        self.asked += 1
        if self.asked == 1:
            raise TimeoutError("timed out")
        return Health(True, "Well again.")


def test_a_plugin_that_timed_out_is_asked_again() -> None:
    board = PluginHealthBoard({"resource": {"cluster": Recovering()}})
    board.check()
    assert not PluginHealth.objects.get().connected
    board.check()
    assert PluginHealth.objects.get().connected
