"""Filters and tags of the console's templates: thin covers of `uws.console.formats`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from uws.console import formats

register = template.Library()


@register.filter
def size(size_bytes: int | float | None) -> str:
    return formats.size_text(size_bytes)


@register.filter
def memory(size_bytes: int | float | None) -> str:
    return formats.size_text(size_bytes, binary=True)


@register.filter
def duration(seconds: float | None) -> str:
    return formats.duration_text(seconds)


@register.filter
def limit(seconds: float | None) -> str:
    return formats.limit_text(seconds)


@register.filter
def counted(count: int, noun: str) -> str:
    """`{{ 3|counted:"file" }}`; a plural that is not the noun with an s is written `"entry,entries"`."""
    singular, _, plural = noun.partition(",")
    return formats.count_text(count, singular, plural)


@register.filter
def moment(instant: datetime | None) -> SafeString | str:
    """Show an instant as `<time>`, which the page's script turns into local time."""
    if instant is None:
        return "never"
    return format_html(
        '<time datetime="{}">{}</time>', formats.wire_instant(instant), formats.instant_text(instant)
    )


@register.filter
def clock(since: datetime, now: datetime) -> SafeString | str:
    """Show how long it has been since an instant; the page's script lets it tick on."""
    text = formats.duration_text((now - since).total_seconds())
    return format_html('<span data-clock-since="{}">{}</span>', f"{since.timestamp():.3f}", text)


@register.simple_tag
def asset(name: str) -> str:
    """Return the address of one of the console's static files, with a mark of its content for the caches."""
    return f"{static(f'console/{name}')}?v={_mark(name)}"


@cache
def _mark(name: str) -> str:
    # A template's literal is a SafeString, which paths refuse; formatting makes it a plain one.
    content = (Path(str(files("uws.console"))) / f"static/console/{name}").read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one of `icons.svg`'s symbols, or an operator's own character, as decoration."""
    if name.isascii() and name.replace("-", "").isalpha():
        return format_html(
            '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', asset("icons.svg"), name
        )
    return format_html('<span class="icon" aria-hidden="true">{}</span>', name)
