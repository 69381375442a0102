"""Form fields made from data: the configured `parameters`, and a job type's JSON Schema.

A field knows how to show itself (one template, `fragments/field.html`) and how to read its value from a form.
It refuses only what is no value of its type. Ranges are the service's business, and its mistakes come back by
pointer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal, Protocol

from django.http import QueryDict

from uws.console.formats import limit_text, size_text
from uws.refusals import FieldError

Kind = Literal["integer", "number", "amount", "checkbox", "text", "choice", "lines", "json"]


class FieldProblem(ValueError):
    """What was typed is no value of the field's type; the message is shown beside it."""


@dataclass(frozen=True)
class Unit:
    """A unit that an amount may be typed in; `factor` is how many of the stored unit it is."""

    key: str
    label: str
    factor: int


MEMORY_UNITS = {
    "mb": (Unit("MB", "MB", 1), Unit("GB", "GB", 1024)),
    "gb": (Unit("GB", "GB", 1),),
}
TIME_UNITS = (Unit("minutes", "minutes", 1), Unit("hours", "hours", 60))


class ParameterValidation(Protocol):
    """The part of a configured parameter's `validation` that a form needs."""

    @property
    def type(self) -> str: ...
    @property
    def min(self) -> float | None: ...
    @property
    def max(self) -> float | None: ...
    @property
    def required(self) -> bool: ...


@dataclass
class Field:
    """One field of a form. `value` is what the control shows; `errors` are shown beside it."""

    name: str
    label: str
    kind: Kind
    pointer: str
    value: str = ""
    checked: bool = False
    help: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    units: tuple[Unit, ...] = ()
    unit: str = ""
    choices: Sequence[tuple[str, str]] = ()
    errors: list[str] = field(default_factory=list)
    read_value: object = None
    is_text: bool = False
    """Of a `choice`: its values are texts, and are not read as JSON."""

    has_default: bool = False

    @property
    def is_optional(self) -> bool:
        """Whether the field may well stay empty, which one that shows a default is not told to do."""
        return not self.required and not self.has_default

    @property
    def control_id(self) -> str:
        return "field-" + "".join(c if c.isalnum() else "-" for c in self.name)

    @property
    def step(self) -> str:
        return "1" if self.kind == "integer" else "any"

    def show(self, value: object) -> None:
        """Put a stored value into the control."""
        if self.kind == "checkbox":
            self.checked = bool(value)
        elif value is None:
            self.value = ""
        elif self.kind == "amount" and isinstance(value, int | float) and not isinstance(value, bool):
            fitting = [u for u in self.units if value and value % u.factor == 0]
            unit = max(fitting or self.units[:1], key=lambda u: u.factor)
            self.unit, self.value = unit.key, f"{value / unit.factor:g}"
        elif self.kind == "lines" and isinstance(value, list):
            self.value = "\n".join(str(item) for item in value)
        elif self.kind == "json" or (self.kind == "choice" and not self.is_text):
            self.value = json.dumps(value)
        else:
            self.value = str(value)

    def read(self, form: QueryDict) -> object:
        """Keep what was typed and return its value; None where nothing was. Raises `FieldProblem`."""
        if self.kind == "checkbox":
            self.checked = self.name in form
            return self.checked
        self.value = form.get(self.name, "").strip() if self.kind != "lines" else form.get(self.name, "")
        if self.units:
            known = {unit.key for unit in self.units}
            chosen = form.get(f"{self.name}:unit", "")
            self.unit = chosen if chosen in known else self.unit or self.units[0].key
        self.read_value = self._parse(self.value) if self.value else None
        return self.read_value

    def _parse(self, text: str) -> object:
        if self.kind == "integer":
            return self._whole(self._decimal(text), "Enter a whole number.")
        if self.kind == "number":
            return float(self._decimal(text))
        if self.kind == "amount":
            factor = next(unit.factor for unit in self.units if unit.key == self.unit)
            smallest = self.units[0].label
            return self._whole(self._decimal(text) * factor, f"Enter an amount of whole {smallest}.")
        if self.kind == "lines":
            return [line.strip() for line in text.splitlines() if line.strip()]
        if self.kind == "json" or (self.kind == "choice" and not self.is_text):
            try:
                return json.loads(text)
            except (ValueError, RecursionError) as error:
                raise FieldProblem("Enter valid JSON.") from error
        return text

    @staticmethod
    def _decimal(text: str) -> Decimal:
        try:
            number = Decimal(text.replace(",", ".")) if len(text) <= 30 else Decimal("NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        # The size is bounded before it becomes an int: 1e999999 is short to type and long to hold.
        if not number.is_finite() or abs(number.adjusted()) > 18:
            raise FieldProblem("Enter a number.")
        return number

    @staticmethod
    def _whole(number: Decimal, problem: str) -> int:
        if number != number.to_integral_value():
            raise FieldProblem(problem)
        return int(number)


def parameter_field(
    variable_name: str, display_name: str, description: str, default: object, validation: ParameterValidation
) -> Field:
    """Return the field of one configured parameter, showing its default.

    Amounts of memory (`…_mb`, `…_gb`) and of time (`…_minutes`, `…_min`) can be typed in the unit that fits.
    """
    kinds: dict[str, Kind] = {"int": "integer", "float": "number", "bool": "checkbox"}
    made = Field(
        name=f"option:{variable_name}",
        label=display_name or variable_name,
        kind=kinds.get(validation.type, "text"),
        pointer=f"/resource_options/{variable_name}",
        required=bool(validation.required) and validation.type != "bool",
        minimum=validation.min,
        maximum=validation.max,
    )
    ending = variable_name.rsplit("_", 1)[-1].lower()
    if made.kind == "integer" and ending in MEMORY_UNITS:
        made.kind, made.units = "amount", MEMORY_UNITS[ending]
    elif made.kind == "integer" and ending in ("minutes", "min"):
        made.kind, made.units = "amount", TIME_UNITS
    if made.units:
        made.label = re.sub(r"\s*\((MB|GB|MiB|GiB|min|minutes)\)$", "", made.label, flags=re.IGNORECASE)
    made.help = " ".join(part for part in (description.strip(), _range_text(made)) if part)
    if default is not None:
        made.has_default = True
        made.show(default)
    return made


def _range_text(made: Field) -> str:
    def amount(value: float) -> str:
        if made.units == TIME_UNITS:
            return limit_text(value * 60)
        if made.units:
            factor = 1024**2 if made.units[0].key == "MB" else 1024**3
            return size_text(value * factor, binary=True)
        return f"{value:g}"

    if made.minimum is not None and made.maximum is not None:
        return f"From {amount(made.minimum)} to {amount(made.maximum)}."
    if made.maximum is not None:
        return f"At most {amount(made.maximum)}."
    if made.minimum is not None:
        return f"At least {amount(made.minimum)}."
    return ""


def schema_fields(job_type_key: str, schema: Mapping[str, object] | None) -> list[Field]:
    """Return one field for each property of a job type's JSON Schema (an object's), in its order."""
    properties = schema.get("properties") if schema else None
    if not schema or not isinstance(properties, Mapping):
        return []
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return [
        _schema_field(job_type_key, name, rule, name in names)
        for name, rule in properties.items()
        if isinstance(rule, Mapping)
    ]


def _schema_field(job_type_key: str, name: str, rule: Mapping[str, object], required: bool) -> Field:
    kinds: dict[object, Kind] = {
        "integer": "integer",
        "number": "number",
        "boolean": "checkbox",
        "string": "text",
        "array": "json",
        "object": "json",
    }
    kind: Kind = kinds.get(rule.get("type"), "json")
    items = rule.get("items")
    if rule.get("type") == "array" and isinstance(items, Mapping) and items.get("type") == "string":
        kind = "lines"
    made = Field(
        name=f"detail:{job_type_key}:{name}",
        label=str(rule.get("title") or name.replace("_", " ").capitalize()),
        kind=kind,
        pointer=f"/job_details/{name}",
        help=str(rule.get("description") or ""),
        required=required and kind != "checkbox",
        minimum=_number(rule.get("minimum")),
        maximum=_number(rule.get("maximum")),
    )
    options = rule.get("enum")
    if isinstance(options, list):
        made.kind = "choice"
        made.is_text = all(isinstance(option, str) for option in options)
        values = [str(option) if made.is_text else json.dumps(option) for option in options]
        labels = [str(option) for option in options]
        made.choices = list(zip(values, labels, strict=True))
    if kind == "lines":
        made.help = f"{made.help} One a line.".strip()
    if "default" in rule:
        made.has_default = True
        made.show(rule["default"])
    return made


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_all(fields: Iterable[Field], form: QueryDict) -> dict[str, object]:
    """Read every field; return the values by their last name. What is empty is left out.

    Problems are put beside their fields: look at `has_errors` before the values are used.
    """
    values: dict[str, object] = {}
    for one in fields:
        try:
            value = one.read(form)
        except FieldProblem as problem:
            one.errors.append(str(problem))
            continue
        if value is None and one.required:
            one.errors.append("This is needed.")
        elif value is not None:
            values[one.pointer.rsplit("/", 1)[-1]] = value
    return values


def has_errors(fields: Iterable[Field]) -> bool:
    return any(one.errors for one in fields)


def place_errors(fields: Iterable[Field], errors: Sequence[FieldError]) -> list[FieldError]:
    """Put a service's mistakes beside the fields that their pointers name; return those that fit no field."""
    by_pointer = {one.pointer: one for one in fields}
    left = []
    for error in errors:
        pointer = error.pointer.removeprefix("#")
        found = by_pointer.get(pointer) or next(
            (one for key, one in by_pointer.items() if pointer.startswith(f"{key}/")), None
        )
        if found is None:
            left.append(error)
        else:
            found.errors.append(_out_of_range(found) or _about_field(found, error))
    return left


def _out_of_range(one: Field) -> str:
    """Return the field's range, in its own units, where that is what its value offends."""
    value = one.read_value
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    below = one.minimum is not None and value < one.minimum
    above = one.maximum is not None and value > one.maximum
    text = _range_text(one)
    return f"Choose {text[0].lower()}{text[1:]}" if below or above else ""


def _about_field(one: Field, error: FieldError) -> str:
    # The options' mistakes are the contract's whole sentences, and begin with the name (§3.4).
    sentence = error.expected.removeprefix(f"{one.pointer.rsplit('/', 1)[-1]}: ")
    return sentence if sentence != error.expected else error_text(error)


def error_text(error: FieldError) -> str:
    """Return one mistake as a sentence: what was expected, and what was found instead."""
    expected = error.expected.rstrip(".")
    return f"Expected {expected}, found {error.found}." if error.found else f"Expected {expected}."
