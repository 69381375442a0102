"""Opening an address that carries a ticket, without showing it to the other people on this machine."""

from __future__ import annotations

import html
from pathlib import Path

from uws.cli.remote.session import write_private

_PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>Opening the job</title>
<p>Opening <a href="{address}">the job</a>.</p>
"""


def page_path() -> Path:
    """Return `~/.cache/uws/open.html`, or what `XDG_CACHE_HOME` makes of it."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("uws")) / "open.html"


def open_in_browser(url: str) -> bool:
    """Open an address in the person's browser; returns whether a browser was found.

    The browser is given a page that leads there: an argument stands in the list of processes, which everybody can
    read, while the page is a file of mode 0600.
    """
    import webbrowser

    path = page_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, _PAGE.format(address=html.escape(url)))
    return webbrowser.open(path.as_uri())
