from __future__ import annotations

import pytest
from django.http import QueryDict

from uws.config.models import ParameterValidation
from uws.console.fields import Field, has_errors, parameter_field, place_errors, read_all, schema_fields
from uws.refusals import FieldError

SCHEMA = {
    "type": "object",
    "required": ["script"],
    "properties": {
        "script": {"type": "string", "title": "Script"},
        "arguments": {"type": "array", "items": {"type": "string"}},
        "mode": {"enum": ["fast", "exact"], "default": "fast"},
        "depth": {"enum": [1, 2]},
        "shuffle": {"type": "boolean", "default": True},
        "share": {"type": "number"},
        "settings": {"type": "object"},
    },
}


def form(**values: str) -> QueryDict:
    query = QueryDict(mutable=True)
    query.update({name.replace("__", ":"): value for name, value in values.items()})
    return query


def memory_field(default: object = 2048) -> Field:
    rule = ParameterValidation(type="int", min=256, max=16384)
    return parameter_field("memory_mb", "Memory (MB)", "How much.", default, rule)


def test_memory_is_shown_in_the_unit_that_fits() -> None:
    made = memory_field()
    assert (made.value, made.unit, made.label) == ("2", "GB", "Memory")
    assert made.help == "How much. From 256 MB to 16 GB."
    assert (memory_field(1500).value, memory_field(1500).unit) == ("1500", "MB")


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [("4", "GB", 4096), ("1.5", "GB", 1536), ("1,5", "GB", 1536), ("300", "MB", 300)],
)
def test_memory_is_read_in_its_unit(typed: str, unit: str, value: int) -> None:
    made = memory_field()
    assert read_all([made], form(option__memory_mb=typed, option__memory_mb__unit=unit)) == {
        "memory_mb": value
    }


@pytest.mark.parametrize("typed", ["much", "1e99999", "NaN", "Infinity", "9" * 5000, "0x10"])
def test_what_is_no_number_is_said_beside_the_field_and_kept(typed: str) -> None:
    made = memory_field()
    assert read_all([made], form(option__memory_mb=typed)) == {}
    assert made.errors == ["Enter a number."]
    assert made.value == typed


def test_a_time_limit_can_be_typed_in_hours() -> None:
    rule = ParameterValidation(type="int", min=1, max=720)
    made = parameter_field("time_limit_minutes", "Time limit (minutes)", "", 90, rule)
    assert (made.value, made.unit, made.help) == ("90", "minutes", "From 1 min to 12 h.")
    values = read_all([made], form(option__time_limit_minutes="4", option__time_limit_minutes__unit="hours"))
    assert values == {"time_limit_minutes": 240}


def test_an_option_that_is_left_empty_is_left_out() -> None:
    assert read_all([memory_field()], form(option__memory_mb="")) == {}


def test_a_required_option_must_be_given() -> None:
    rule = ParameterValidation(type="int", required=True)
    made = parameter_field("num_cpus", "CPUs", "", None, rule)
    read_all([made], form())
    assert made.errors == ["This is needed."]


def test_half_a_cpu_is_refused() -> None:
    made = parameter_field("num_cpus", "CPUs", "", 1, ParameterValidation(type="int", min=1))
    read_all([made], form(option__num_cpus="0.5"))
    assert made.errors == ["Enter a whole number."]


def test_a_range_that_the_service_refuses_is_told_in_the_fields_own_units() -> None:
    made = memory_field()
    read_all([made], form(option__memory_mb="64", option__memory_mb__unit="GB"))
    text = "memory_mb: Value '65536' above maximum of 16384."
    assert place_errors([made], [FieldError("/resource_options/memory_mb", "65536", text)]) == []
    assert made.errors == ["Choose from 256 MB to 16 GB."]


def test_a_mistake_that_fits_no_field_is_given_back() -> None:
    mistake = FieldError("/job_type", "x", "one of: y")
    assert place_errors([memory_field()], [mistake]) == [mistake]


def test_a_schema_becomes_one_field_for_each_property() -> None:
    fields = {made.label: made for made in schema_fields("script", SCHEMA)}
    kinds = {label: made.kind for label, made in fields.items()}
    assert kinds == {
        "Script": "text",
        "Arguments": "lines",
        "Mode": "choice",
        "Depth": "choice",
        "Shuffle": "checkbox",
        "Share": "number",
        "Settings": "json",
    }
    assert fields["Script"].required
    assert fields["Mode"].value == "fast"
    assert fields["Shuffle"].checked


def test_a_schemas_fields_are_read_as_its_types() -> None:
    fields = schema_fields("script", SCHEMA)
    sent = form(
        detail__script__script="analysis.py",
        detail__script__arguments="--fast\n\n two words ",
        detail__script__mode="exact",
        detail__script__depth="2",
        detail__script__share="0.5",
        detail__script__settings='{"a": [1]}',
    )
    assert read_all(fields, sent) == {
        "script": "analysis.py",
        "arguments": ["--fast", "two words"],
        "mode": "exact",
        "depth": 2,
        "shuffle": False,
        "share": 0.5,
        "settings": {"a": [1]},
    }
    assert not has_errors(fields)


def test_json_that_is_none_is_said_beside_its_field() -> None:
    fields = schema_fields("script", SCHEMA)
    read_all(fields, form(detail__script__settings="[" * 100_000))
    assert fields[-1].errors == ["Enter valid JSON."]


@pytest.mark.parametrize("schema", [None, {}, {"properties": []}, {"properties": {"a": True}}])
def test_a_type_without_parameters_has_no_fields(schema: dict[str, object] | None) -> None:
    assert schema_fields("x", schema) == []
