"""The values of the tree before validation: overrides from the environment, and `${NAME}` references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from uws.config.mistakes import Mistake, Place, json_path, nearest
from uws.config.references import has_reference, substitute

ENVIRONMENT_PREFIX = "UWS_SERVER__"


@dataclass
class Mistakes:
    """Collects mistakes, one for each place: the first that was found there says enough."""

    source: str
    origins: Origins
    found: list[Mistake] = field(default_factory=list)

    def add(self, id: str, place: Place, found: str, expected: str, hint: str = "") -> None:
        """Note a mistake at a place of the tree; its source is the file, or the variable that set it."""
        variable = self.origins.variable_at(place)
        source = self.source if variable is None else f"environment variable {variable}"
        self.extend([Mistake(id, json_path(place), found, expected, hint, source)])

    def extend(self, mistakes: Iterable[Mistake]) -> None:
        for mistake in mistakes:
            if not self.has(mistake.path):
                self.found.append(mistake)

    def has(self, path: str) -> bool:
        """True where a mistake was already noted at this JSONPath."""
        return any(mistake.path == path for mistake in self.found)


@dataclass
class Origins:
    """Where values came from that don't stand in the file as they are."""

    variables: dict[Place, str] = field(default_factory=dict)
    """Places set by an environment variable `UWS_SERVER__…`, with its name."""
    written: dict[Place, str] = field(default_factory=dict)
    """Places that held `${NAME}`, with the text as written: what a message may show."""

    def variable_at(self, place: Place) -> str | None:
        """Return the variable that set this place or one above it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.variables:
                return self.variables[place[:length]]
        return None

    def written_at(self, place: Place) -> str | None:
        """Return what is written at this place or one above it, where that has a reference in it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.written:
                return self.written[place[:length]]
        return None

    def text_places(self) -> Iterator[Place]:
        """Places whose value is text only because variables are: it may be meant as a number or a list."""
        yield from self.variables
        yield from self.written


def apply_environment(tree: dict[str, Any], environ: Mapping[str, str], mistakes: Mistakes) -> None:
    """Put `UWS_SERVER__LIMITS__UPLOAD_BYTES=…` at `server.limits.upload_bytes`, over what stands there."""
    chosen = {name: value for name, value in environ.items() if name.upper().startswith(ENVIRONMENT_PREFIX)}
    for name in sorted(chosen, key=lambda name: (name.count("__"), name)):
        keys = name[len(ENVIRONMENT_PREFIX) :].lower().split("__")
        if not all(keys):
            source = f"environment variable {name}"
            expected = f"{ENVIRONMENT_PREFIX}NAME, or {ENVIRONMENT_PREFIX}GROUP__NAME"
            mistakes.extend(
                [Mistake("unknown_key", "$.server", "a name with an empty part", expected, "", source)]
            )
            continue
        parent = tree.setdefault("server", {})
        if not isinstance(parent, dict):
            return  # A mistake of the file, reported there.
        for key in keys[:-1]:
            if not isinstance(parent.get(key), dict):
                parent[key] = {}
            parent = parent[key]
        parent[keys[-1]] = chosen[name]
        mistakes.origins.variables[("server", *keys)] = name


def substitute_references(
    value: Any, variables: Mapping[str, str], mistakes: Mistakes, place: Place = ()
) -> Any:
    """Return the tree with every `${NAME}` in a string replaced; a variable that isn't set is a mistake."""
    if isinstance(value, dict):
        return {
            key: substitute_references(item, variables, mistakes, (*place, key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            substitute_references(item, variables, mistakes, (*place, index))
            for index, item in enumerate(value)
        ]
    if not isinstance(value, str) or not has_reference(value) or mistakes.origins.variable_at(place):
        return value
    text, missing = substitute(value, variables)
    for name in missing:
        expected = f"the environment variable {name} to be set ($${{{name}}} writes the text itself)"
        mistakes.add("missing_variable", place, f'"${{{name}}}"', expected, nearest(name, variables))
    mistakes.origins.written[place] = value
    return text
