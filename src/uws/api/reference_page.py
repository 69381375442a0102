"""The OpenAPI document as a page for people: plain HTML, rendered here, so that it loads nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from uws.api.problems import PREFIX, ProblemKind

JsonObject = dict[str, Any]
STYLE = "/docs/style.css"
_CODE = re.compile(r"`([^`]+)`")


def _safe(text: str) -> SafeString:
    """Mark HTML that was put together from escaped parts only."""
    return mark_safe(text)  # noqa: S308


def prose(text: str) -> SafeString:
    """Return a description as HTML: paragraphs, and `code` in backquotes; everything else escaped."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip())]
    return _safe("".join(f"<p>{_inline(paragraph)}</p>" for paragraph in paragraphs))


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))


def page(title: str, body: str) -> str:
    """Return a whole page around a body that is HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="stylesheet" href="{STYLE}">\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def reference_page(document: JsonObject) -> str:
    """Return the whole reference as one page: operations by tag, then the models."""
    info = document["info"]
    by_tag: dict[str, list[tuple[str, str, JsonObject]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag[operation["tags"][0]].append((method, path, operation))
    parts = [
        f"<h1>{escape(info['title'])}: the API</h1>",
        f'<p class="muted">Version {escape(info["version"])} · <a href="/openapi.json">openapi.json</a> · '
        f'<a href="{PREFIX}">kinds of refusals</a></p>',
        prose(info["description"]),
        "<h2>How to say who asks</h2>",
        *(
            f"<p><code>{escape(scheme.get('name', 'Authorization: Bearer'))}</code>: "
            f"{_inline(scheme['description'])}</p>"
            for scheme in document["components"]["securitySchemes"].values()
        ),
        _contents(by_tag),
    ]
    renderer = _Renderer(document)
    for tag in document["tags"]:
        parts.append(f'<h2 id="{_anchor(tag["name"])}">{escape(tag["name"].capitalize())}</h2>')
        parts.append(prose(tag["description"]))
        parts += [renderer.operation(*each) for each in by_tag[tag["name"]]]
    parts.append('<h2 id="models">Models</h2>')
    parts += [renderer.model(name, schema) for name, schema in document["components"]["schemas"].items()]
    return page(f"{info['title']}: the API", "\n".join(parts))


def problems_page(kinds: Mapping[str, ProblemKind]) -> str:
    """Return a page about these kinds of refusals."""
    sections = [
        f'<h2 id="{name}">{escape(kind.title)}</h2>\n'
        f"<p><code>{PREFIX}{name}</code> · status {kind.status}</p>\n"
        f"{prose(kind.meaning)}{prose(kind.remedy)}"
        for name, kind in kinds.items()
    ]
    head = '<h1>Kinds of refusals</h1>\n<p class="muted"><a href="/docs">The API</a></p>'
    return page("Kinds of refusals", "\n".join([head, *sections]))


def _contents(by_tag: Mapping[str, list[tuple[str, str, JsonObject]]]) -> str:
    links = [f'<li><a href="#{_anchor(tag)}">{escape(tag.capitalize())}</a></li>' for tag in by_tag]
    return f'<nav aria-label="Contents"><ul>{"".join(links)}<li><a href="#models">Models</a></li></ul></nav>'


def _anchor(text: str) -> str:
    return escape(text.replace(" ", "-"))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _pre(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>"


class _Renderer:
    """Writes operations and models, with links between them."""

    def __init__(self, document: JsonObject) -> None:
        self._components = document["components"]

    def operation(self, method: str, path: str, operation: JsonObject) -> str:
        return (
            f'<details class="operation" id="{escape(operation["operationId"])}"><summary>'
            f'<span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
            f'<span class="muted">{escape(operation["summary"])}</span></summary>\n<div>'
            f"{''.join(self._parts(operation))}</div></details>"
        )

    def _parts(self, operation: JsonObject) -> Iterator[str]:
        yield prose(operation["description"])
        yield f"<p>{'Needs a token.' if operation['security'] else 'Needs no token.'}</p>"
        parameters = [self._resolved(each) for each in operation["parameters"]]
        if parameters:
            yield "<h3>Parameters</h3>"
            yield _table(
                ("name", "in", "type", "meaning"),
                (
                    (
                        f"<code>{escape(each['name'])}</code>{' (needed)' if each['required'] else ''}",
                        escape(each["in"]),
                        self._type(each["schema"]),
                        _inline(each["description"]),
                    )
                    for each in parameters
                ),
            )
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"<h3>Body</h3><p><code>{escape(media_type)}</code>: {self._type(content['schema'])}</p>"
            yield _pre(content["example"]) if "example" in content else ""
        yield "<h3>Answers</h3>"
        yield _table(("status", "meaning", "body"), self._answers(operation["responses"]))
        for content in operation["responses"].get("200", {}).get("content", {}).values():
            yield _pre(content["example"]) if "example" in content else ""
        if "x-websocket" in operation:
            yield self._socket(operation["x-websocket"])

    def _answers(self, responses: JsonObject) -> Iterator[tuple[str, str, str]]:
        for status, found in responses.items():
            response = self._resolved(found)
            contents = list(response.get("content", {}).values())
            body = self._type(contents[0]["schema"]) if contents else "none"
            headers = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", {}))
            text = _inline(response["description"]) + (f" Headers: {headers}." if headers else "")
            yield escape(status), text, body

    def _socket(self, socket: JsonObject) -> str:
        codes = _table(
            ("close code", "meaning"),
            ((escape(code), escape(text)) for code, text in socket["closeCodes"].items()),
        )
        message = f"<p>Messages: {self._type(socket['message'])}</p>"
        return f"<h3>WebSocket</h3>{prose(socket['description'])}{message}{_pre(socket['example'])}{codes}"

    def model(self, name: str, schema: JsonObject) -> str:
        needed = schema.get("required", [])
        rows = (
            (
                f"<code>{escape(field)}</code>{' (always)' if field in needed else ''}",
                self._type(details),
                _inline(details.get("description", "")),
            )
            for field, details in schema.get("properties", {}).items()
        )
        table = _table(("member", "type", "meaning"), rows)
        return f'<h3 id="model-{escape(name)}">{escape(name)}</h3>{prose(schema["description"])}{table}'

    def _resolved(self, found: JsonObject) -> JsonObject:
        if "$ref" not in found:
            return found
        _, _, kind, name = found["$ref"].split("/")
        resolved: JsonObject = self._components[kind][name]
        return resolved

    def _type(self, schema: JsonObject) -> str:
        """Return a schema as a few words, with links to models."""
        if "$ref" in schema:
            name = escape(schema["$ref"].rpartition("/")[2])
            return f'<a href="#model-{name}">{name}</a>'
        if "anyOf" in schema:
            return " or ".join(self._type(each) for each in schema["anyOf"])
        if "enum" in schema:
            return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
        if "const" in schema:
            return f"<code>{escape(json.dumps(schema['const']))}</code>"
        if schema.get("type") == "array":
            return f"list of {self._type(schema.get('items', {}))}"
        values = schema.get("additionalProperties")
        if isinstance(values, dict) and values:
            return f"object of {self._type(values)}"
        kinds = schema.get("type", "anything")
        return escape(" or ".join(kinds) if isinstance(kinds, list) else kinds)
