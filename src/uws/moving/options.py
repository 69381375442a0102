"""Resource options in the resource's names, as the original kept them, back in the names that callers use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from uws.jobs.options import GPU, MEBIBYTE, MEMORY_MB, TIME_LIMIT_MINUTES

LONGEST_TIME_LIMIT_MINUTES = 2**31 // 60 - 1


@dataclass(frozen=True)
class OptionNames:
    """`mappings`: resource key to its `parameter_mapping` (caller's name to the resource's).

    `parameters` are the names that this installation's callers use.
    """

    mappings: Mapping[str, Mapping[str, str]]
    parameters: frozenset[str]

    def callers(self, resource: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options under their callers' names; what no caller can have said is left out."""
        names = {theirs: ours for ours, theirs in self.mappings.get(resource, {}).items()}
        found: dict[str, Any] = {}
        for theirs, value in options.items():
            ours = names.get(theirs)
            if ours is None and theirs in self.parameters:
                ours = theirs
            if ours is None and theirs == "tres_per_job" and "gpu" in str(value):
                ours, value = GPU[0], True
            if ours is not None:
                found[self._spelling(ours)] = value
        return found

    def _spelling(self, name: str) -> str:
        """Return a time limit's name as it is configured here: the original has two for it."""
        if name in self.parameters or name not in TIME_LIMIT_MINUTES:
            return name
        return next((each for each in TIME_LIMIT_MINUTES if each in self.parameters), TIME_LIMIT_MINUTES[0])


def limits(options: Mapping[str, Any], default_time_limit_minutes: int) -> dict[str, Any]:
    """Return a job's columns of its limits from its options, in callers' names."""
    memory_mb = _number(options, MEMORY_MB)
    minutes = _number(options, TIME_LIMIT_MINUTES) or default_time_limit_minutes
    return {
        "cpu_count": min(int(_number(options, ("num_cpus",)) or 1), 2**31 - 1),
        "memory_bytes_limit": int(min(memory_mb, 2**40) * MEBIBYTE) if memory_mb else None,
        "time_limit_seconds": int(min(minutes, LONGEST_TIME_LIMIT_MINUTES) * 60),
        "gpu_enabled": any(options.get(name) is True for name in GPU),
    }


def _number(options: Mapping[str, Any], names: Iterable[str]) -> float | None:
    """Return the first of these options that is a number above 0; the original kept some as text."""
    for name in names:
        value = options.get(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 2**53:
            return value
    return None
