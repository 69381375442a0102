"""Resource options that no parameter bounds are bounded all the same: they become columns and limits."""

from __future__ import annotations

from typing import Any

import pytest

from uws.config.models import Parameter
from uws.jobs.options import accept
from uws.refusals import InvalidOptions


def parameter(name: str, kind: str = "int") -> Parameter:
    return Parameter.model_validate(
        {
            "display_name": name,
            "description": name,
            "variable_name": name,
            "default_value": 1,
            "validation": {"type": kind},
        }
    )


def check(name: str, value: Any, kind: str = "int") -> Any:
    return accept(
        {name: value}, [parameter(name, kind)], parameter_mapping={}, default_time_limit_minutes=60
    ).options


@pytest.mark.parametrize("name", ["num_cpus", "memory_mb", "time_limit_minutes"])
def test_a_number_that_no_column_holds_is_refused(name: str) -> None:
    with pytest.raises(InvalidOptions, match=f"{name}: Value '1{'0' * 30}' above maximum of "):
        check(name, 10**30)


@pytest.mark.parametrize("name", ["num_cpus", "memory_mb", "time_limit_minutes"])
def test_a_number_below_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidOptions, match=f"{name}: Value '-5' not above minimum of "):
        check(name, -5)


def test_a_time_limit_of_half_a_minute_is_30_seconds() -> None:
    assert check("time_limit_minutes", 0.5, "float").time_limit_seconds == 30
