from __future__ import annotations

import pytest

from uws.agent.errors import AgentError, PathError
from uws.agent.paths import check_relative_path


@pytest.mark.parametrize("path", ["a", "data/table.csv", ".hidden", "a..b/c", "ä/日本", "a b", "x" * 255])
def test_an_ordinary_relative_path_is_returned_as_it_is(path: str) -> None:
    assert check_relative_path(path) == path


def test_single_dots_are_left_out() -> None:
    assert check_relative_path("./a/./b") == "a/b"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", "empty"),
        (".", "workspace itself"),
        ("..", "'..'"),
        ("a/../b", "'..'"),
        ("a/..", "'..'"),
        ("/etc/passwd", "absolute"),
        ("a//b", "'//'"),
        ("a/", "ends with a slash"),
        ("a\0b", "NUL"),
        ("a/\ud800", "surrogate"),
        ("x" * 256, "256 bytes"),
        ("ä" * 128, "256 bytes"),
        ("/".join(["x" * 250] * 20), "5019 bytes"),
        ("/".join(["x"] * 65), "65 levels"),
    ],
)
def test_a_refused_path_says_what_was_found(path: str, found: str) -> None:
    with pytest.raises(PathError, match=found) as refused:
        check_relative_path(path)
    assert isinstance(refused.value, AgentError)
    assert refused.value.code == "bad_path"
    assert len(refused.value.message) < 300
    refused.value.message.encode("utf-8")


def test_64_levels_are_not_too_deep() -> None:
    path = "/".join(["x"] * 64)
    assert check_relative_path(path) == path
