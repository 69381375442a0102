"""What a test asks for when it needs a real server."""

import os

import pytest

SERVER_OF_VARIABLE = {
    "UWS_TEST_POSTGRESQL_URL": "PostgreSQL",
    "UWS_TEST_CHROMIUM": "Chromium",
    "UWS_TEST_CURL": "curl",
}


def required(variable: str) -> str:
    """Answer the address that `./test --services` exported in `variable`.

    Without it the test is skipped, or fails where CI=true: there a server that is not started is a mistake.
    """
    if value := os.environ.get(variable):
        return value
    reason = f"{SERVER_OF_VARIABLE[variable]} is not there ({variable}): use ./test --services"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
