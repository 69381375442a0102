"""Compare docs/reference/openapi.json with the copy at the last git tag; exit code 1 on a breaking change.

Breaking is what a client that works today may stumble over: a path, method, parameter or field that is gone, an answer
that holds something else than before, a request that needs more than before. Additions are not.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = "docs/reference/openapi.json"
DEEPEST = 12

JsonObject = Mapping[str, Any]


def breaking_changes(old: JsonObject, new: JsonObject) -> list[str]:
    """Return a sentence for each breaking change between two OpenAPI documents."""
    return list(_Comparison(old, new).all())


class _Comparison:
    def __init__(self, old: JsonObject, new: JsonObject) -> None:
        self._old, self._new = old, new

    def all(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, operation in methods.items():
                place = f"{method.upper()} {path}"
                found = self._new["paths"].get(path, {}).get(method)
                if found is None:
                    yield f"{place} is gone"
                    continue
                yield from self._parameters(place, operation, found)
                yield from self._request(place, operation, found)
                yield from self._answers(place, operation, found)

    def _parameters(self, place: str, old: JsonObject, new: JsonObject) -> Iterator[str]:
        before, after = self._by_name(self._old, old), self._by_name(self._new, new)
        for key in before.keys() - after.keys():
            yield f"{place}: the {key[0]} parameter {key[1]} is gone"
        for key, parameter in after.items():
            if parameter["required"] and not before.get(key, {}).get("required", False):
                yield f"{place}: the {key[0]} parameter {key[1]} is needed now"
        if new.get("security") and not old.get("security"):
            yield f"{place}: a token is needed now"

    @staticmethod
    def _by_name(document: JsonObject, operation: JsonObject) -> dict[tuple[str, str], JsonObject]:
        resolved = [_resolved(document, each) for each in operation.get("parameters", [])]
        return {(each["in"], each["name"]): each for each in resolved}

    def _request(self, place: str, old: JsonObject, new: JsonObject) -> Iterator[str]:
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{place}: a body is needed now"
        for media_type, content in before.get("content", {}).items():
            if media_type not in after.get("content", {}):
                yield f"{place}: a body of {media_type} is not taken any more"
            else:
                schema = after["content"][media_type]["schema"]
                yield from self._schemas(f"{place}, body", content["schema"], schema, is_request=True)

    def _answers(self, place: str, old: JsonObject, new: JsonObject) -> Iterator[str]:
        for status, response in old["responses"].items():
            if status == "default" or not status.startswith("2"):
                continue
            if status not in new["responses"]:
                yield f"{place}: it does not answer {status} any more"
                continue
            before = _resolved(self._old, response).get("content", {})
            after = _resolved(self._new, new["responses"][status]).get("content", {})
            for media_type, content in before.items():
                if media_type not in after:
                    yield f"{place}: {status} is not {media_type} any more"
                    continue
                schema = after[media_type]["schema"]
                yield from self._schemas(f"{place}, {status}", content["schema"], schema, is_request=False)

    def _schemas(
        self, place: str, old: JsonObject, new: JsonObject, *, is_request: bool, depth: int = 0
    ) -> Iterator[str]:
        """Compare what may be sent, or what is answered. Both sides may be references or alternatives."""
        before, after = _variants(self._old, old), _variants(self._new, new)
        # A request must go on taking what it took; an answer must not hold what it never held.
        wider, narrower = (after, before) if is_request else (before, after)
        if wider.keys() and (missing := narrower.keys() - wider.keys()):
            verb = "does not take" if is_request else "may now be"
            yield f"{place} {verb} {', '.join(sorted(missing))}"
        for kind in before.keys() & after.keys():
            one, other = before[kind], after[kind]
            yield from self._values(place, one, other, is_request=is_request)
            if depth >= DEEPEST:
                continue
            yield from self._fields(place, one, other, is_request=is_request, depth=depth)
            for key, name in (("items", "each entry"), ("additionalProperties", "each value")):
                if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
                    yield from self._schemas(
                        f"{place}, {name}", one[key], other[key], is_request=is_request, depth=depth + 1
                    )

    @staticmethod
    def _values(place: str, old: JsonObject, new: JsonObject, *, is_request: bool) -> Iterator[str]:
        before, after = _values_of(old), _values_of(new)
        if is_request and after is not None and (before is None or before - after):
            yield f"{place} takes fewer values"
        if not is_request and before is not None and (after is None or after - before):
            yield f"{place} has values that it never had"

    def _fields(
        self, place: str, old: JsonObject, new: JsonObject, *, is_request: bool, depth: int
    ) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - after.keys():
            yield f"{place}: the field {name} is gone"
        changed = set(new.get("required", [])) ^ set(old.get("required", []))
        for name in sorted(changed):
            if is_request and name in new.get("required", []):
                yield f"{place}: the field {name} is needed now"
            if not is_request and name in old.get("required", []) and name in after:
                yield f"{place}: the field {name} may be missing now"
        for name in before.keys() & after.keys():
            yield from self._schemas(
                f"{place}.{name}", before[name], after[name], is_request=is_request, depth=depth + 1
            )


def _resolved(document: JsonObject, part: JsonObject) -> JsonObject:
    while "$ref" in part:
        found: Any = document
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = found
    return part


def _variants(document: JsonObject, schema: JsonObject) -> dict[str, JsonObject]:
    """Return a schema's alternatives by JSON type; none at all for a schema that takes anything."""
    schema = _resolved(document, schema)
    if "anyOf" in schema:
        return {kind: each for part in schema["anyOf"] for kind, each in _variants(document, part).items()}
    kinds = schema.get("type", [])
    return dict.fromkeys([kinds] if isinstance(kinds, str) else kinds, schema)


def _values_of(schema: JsonObject) -> set[str] | None:
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return {json.dumps(value) for value in schema["enum"]} if "enum" in schema else None


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def main() -> int:
    """Print what breaks and answer 1, or say why nothing does and answer 0."""
    tag = (_git("describe", "--tags", "--abbrev=0") or "").strip()
    if not tag:
        print("no tag yet: there is no released API to break")
        return 0
    committed = _git("show", f"{tag}:{DOCUMENT}")
    if committed is None:
        print(f"{tag} has no {DOCUMENT}: there is no described API to break")
        return 0
    changes = breaking_changes(json.loads(committed), json.loads((ROOT / DOCUMENT).read_text("utf-8")))
    for change in changes:
        print(f"breaks clients of {tag}: {change}")
    if not changes:
        print(f"nothing breaks clients of {tag}")
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
