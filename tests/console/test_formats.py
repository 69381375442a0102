from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from uws.console import formats


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1234, "1.2 kB"),
        (48_213, "48.2 kB"),
        (999_960, "1 MB"),
        (123_456_789, "123 MB"),
        (5 * 10**12, "5 TB"),
        (10**19, "10000 PB"),
    ],
)
def test_sizes(size_bytes: int | None, text: str) -> None:
    assert formats.size_text(size_bytes) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(4 * 1024**3, "4 GB"), (312 * 1024**2, "312 MB"), (1536 * 1024**2, "1.5 GB")]
)
def test_memory_is_counted_in_1024s(size_bytes: int, text: str) -> None:
    assert formats.size_text(size_bytes, binary=True) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (-3, "0 s"),
        (0.04, "0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (7440, "2 h 04 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert formats.duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "none"), (14_400, "4 h"), (5400, "90 min"), (45, "45 s"), (90, "1 min 30 s")]
)
def test_limits(seconds: float | None, text: str) -> None:
    assert formats.limit_text(seconds) == text


def test_instants_are_shown_in_utc_until_the_script_knows_better() -> None:
    berlin = datetime(2026, 3, 1, 1, 5, tzinfo=timezone(timedelta(hours=1)))
    assert formats.instant_text(berlin) == "1 Mar 2026, 00:05 UTC"
    assert formats.instant_text(None) == "never"


def test_machine_readable_instants_end_in_z() -> None:
    assert formats.wire_instant(datetime(2026, 3, 1, 1, 5, 2, 4500, UTC)) == "2026-03-01T01:05:02.004Z"


def test_counts_agree_with_their_noun() -> None:
    assert formats.count_text(1, "file") == "1 file"
    assert formats.count_text(0, "file") == "0 files"
    assert formats.count_text(2, "entry", "entries") == "2 entries"


def test_signals_have_names() -> None:
    assert formats.signal_text(9) == "SIGKILL (9)"
    assert formats.signal_text(200) == "signal 200"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Single-cell samples", "Single-cell-samples"),
        ("../../etc", "etc"),
        ("a..b/c", "a.b-c"),
        (".hidden", "hidden"),
        ("///", "data"),
        ("Zellen für später", "Zellen-für-später"),
    ],
)
def test_link_names_can_be_names_of_links(title: str, name: str) -> None:
    assert formats.link_name(title) == name
