"""Resource options of a start: checked against the configured `parameters`, in the contract's words (§3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uws.config.models import Parameter
from uws.jobs.resources.base import ResourceOptions
from uws.refusals import FieldError, InvalidOptions

CPUS = ("num_cpus",)
MEMORY_MB = ("memory_mb",)
TIME_LIMIT_MINUTES = ("time_limit_minutes", "time_limit_min")
GPU = ("gpu_enabled",)
BUILT_IN = (*CPUS, *MEMORY_MB, *TIME_LIMIT_MINUTES, *GPU)

MEBIBYTE = 1024 * 1024
BOUNDS: Mapping[str, int] = {
    **dict.fromkeys(CPUS, 2**31 - 1),
    **dict.fromkeys(MEMORY_MB, 2**40),
    **dict.fromkeys(TIME_LIMIT_MINUTES, (2**31 - 1) // 60),
}
"""What the job's columns hold, where the configuration sets no maximum; the minimum is 0, which means the default."""


@dataclass(frozen=True)
class AcceptedOptions:
    """A start's options after the checks.

    `given` are the accepted ones under the caller's names, as they are echoed; `ignored` the names that no
    parameter knows.
    """

    given: Mapping[str, object]
    ignored: Sequence[str]
    options: ResourceOptions


def accept(
    asked: Mapping[str, object],
    parameters: Sequence[Parameter],
    *,
    parameter_mapping: Mapping[str, str],
    default_time_limit_minutes: int,
) -> AcceptedOptions:
    """Check and complete a start's options. Raises `InvalidOptions` (422) with every mistake, required ones first."""
    known = {parameter.variable_name: parameter for parameter in parameters}
    given, ignored = {}, []
    for name, value in asked.items():
        configured = _configured_name(name, known)
        if configured is None:
            ignored.append(name)
        else:
            given[configured] = value
    mistakes = _missing(given, parameters)
    for name, value in given.items():
        mistakes += _check(known[name], value)
    if mistakes:
        texts = [mistake.expected for mistake in mistakes]
        raise InvalidOptions(f"Invalid resource options found: {texts}", errors=mistakes)
    effective = {name: parameter.default_value for name, parameter in known.items()} | given
    return AcceptedOptions(
        given=given,
        ignored=ignored,
        options=_effective(effective, parameter_mapping, default_time_limit_minutes),
    )


def _configured_name(name: str, known: Mapping[str, Parameter]) -> str | None:
    """Return the configured parameter that `name` means; the two spellings of the time limit mean each other."""
    if name in known:
        return name
    if name in TIME_LIMIT_MINUTES:
        return next((other for other in TIME_LIMIT_MINUTES if other in known), None)
    return None


def _missing(given: Mapping[str, object], parameters: Sequence[Parameter]) -> list[FieldError]:
    return [
        FieldError(f"/resource_options/{name}", "nothing", f"Missing required: {name}")
        for name in (parameter.variable_name for parameter in parameters if parameter.validation.required)
        if name not in given
    ]


def _check(parameter: Parameter, value: object) -> list[FieldError]:
    name, rule = parameter.variable_name, parameter.validation
    shown = str(value)[:80]
    pointer = f"/resource_options/{name}"
    kind = type(value).__name__
    if kind != rule.type:
        text = (
            f"{name}: Value '{shown}' of type {kind} does not match required type {rule.type}. "
            f"Skipping further validation of parameter {name}."
        )
        return [FieldError(pointer, shown, text)]
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return []
    mistakes = []
    least = rule.min if rule.min is not None else 0 if name in BOUNDS else None
    most = min((bound for bound in (rule.max, BOUNDS.get(name)) if bound is not None), default=None)
    if least is not None and not value >= least:
        mistakes.append(FieldError(pointer, shown, f"{name}: Value '{shown}' not above minimum of {least}."))
    if most is not None and not value <= most:
        mistakes.append(FieldError(pointer, shown, f"{name}: Value '{shown}' above maximum of {most}."))
    return mistakes


def _effective(
    values: Mapping[str, object], parameter_mapping: Mapping[str, str], default_time_limit_minutes: int
) -> ResourceOptions:
    memory_mb = _number(values, MEMORY_MB)
    minutes = _number(values, TIME_LIMIT_MINUTES) or default_time_limit_minutes
    extra = {
        parameter_mapping[name]: value
        for name, value in values.items()
        if name in parameter_mapping and name not in BUILT_IN and value is not None
    }
    return ResourceOptions(
        cpu_count=max(1, int(_number(values, CPUS) or 1)),
        memory_bytes=int(memory_mb * MEBIBYTE) if memory_mb else None,
        time_limit_seconds=max(1, int(minutes * 60)),
        gpu_enabled=any(values.get(name) is True for name in GPU),
        extra=extra,
    )


def _number(values: Mapping[str, object], names: Sequence[str]) -> float | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
    return None
