"""Servers that are wrong in one named way: the real one, with its answers altered on their way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx2

Reply = httpx2.Response
Fault = Callable[[httpx2.Request, Reply], Reply | None]
PAGE = "<!doctype html><h1>Server Error (500)</h1>"


class Altered(httpx2.BaseTransport):
    """Passes requests on to the real server, and alters answers where `fault` gives another one."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._real = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> Reply:
        answer = self._real.handle_request(request)
        answer.read()
        return self._fault(request, answer) or answer

    def close(self) -> None:
        self._real.close()


def page(status: int) -> Reply:
    return Reply(status, headers={"Content-Type": "text/html; charset=utf-8"}, text=PAGE)


def with_json(answer: Reply, body: Any, status: int | None = None) -> Reply:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return Reply(status or answer.status_code, headers=headers, content=json.dumps(body).encode())


def without_header(answer: Reply, name: str) -> Reply:
    headers = {key: value for key, value in answer.headers.items() if key.lower() != name}
    return Reply(answer.status_code, headers=headers, content=answer.content)


def envelope(answer: Reply) -> Any:
    return answer.json() if "json" in answer.headers.get("content-type", "") and answer.content else None


# Mistakes that no server may make


def success_is_left_out(request: httpx2.Request, answer: Reply) -> Reply | None:
    body = envelope(answer)
    return with_json(answer, {k: v for k, v in body.items() if k != "success"}) if body else None


def creations_are_201(request: httpx2.Request, answer: Reply) -> Reply | None:
    is_creation = request.method == "POST" and answer.status_code == 200
    return with_json(answer, envelope(answer), 201) if is_creation else None


def errors_have_no_cors(request: httpx2.Request, answer: Reply) -> Reply | None:
    return without_header(answer, "access-control-allow-origin") if answer.status_code >= 400 else None


def preflights_forget_the_auth_header(request: httpx2.Request, answer: Reply) -> Reply | None:
    if request.method != "OPTIONS":
        return None
    return Reply(200, headers={**answer.headers, "access-control-allow-headers": "content-type"})


def workspaces_show_where_they_lie(request: httpx2.Request, answer: Reply) -> Reply | None:
    body = envelope(answer)
    made = (body or {}).get("data", {}).get("workspace")
    return with_json(answer, body | {"data": {"workspace": made | {"file_path": "x"}}}) if made else None


def refused_tokens_name_no_scheme(request: httpx2.Request, answer: Reply) -> Reply | None:
    return without_header(answer, "www-authenticate") if answer.status_code == 401 else None


def unknown_ids_are_404(request: httpx2.Request, answer: Reply) -> Reply | None:
    body = envelope(answer)
    is_empty = request.method == "GET" and "could not be found" in str((body or {}).get("message"))
    return with_json(answer, {"success": False, "message": "Not found."}, 404) if is_empty else None


def job_types_are_a_list(request: httpx2.Request, answer: Reply) -> Reply | None:
    if not request.url.path.startswith("/job_types"):
        return None
    body = envelope(answer)
    return with_json(answer, body | {"data": {"job_types": list(body["data"]["job_types"].values())}})


def wrong_options_are_400(request: httpx2.Request, answer: Reply) -> Reply | None:
    return with_json(answer, envelope(answer), 400) if answer.status_code == 422 else None


def core_hours_are_numbers(request: httpx2.Request, answer: Reply) -> Reply | None:
    text = answer.content.decode()
    changed = re.sub(r'"core_hours":\s*"([0-9.]+)"', r'"core_hours": \1', text)
    return with_json(answer, json.loads(changed)) if changed != text else None


def a_second_stop_is_accepted(request: httpx2.Request, answer: Reply) -> Reply | None:
    is_refused = request.url.path.endswith("/stop/") and answer.status_code == 400
    return with_json(answer, {"success": True, "message": "Job queued to stop."}, 200) if is_refused else None


def shares_come_under_another_key(request: httpx2.Request, answer: Reply) -> Reply | None:
    body = envelope(answer)
    if request.method != "POST" or "shared_workspaces" not in (body or {}).get("data", {}):
        return None
    return with_json(answer, body | {"data": {"invitation": body["data"]["shared_workspaces"]}})


def users_are_a_page(request: httpx2.Request, answer: Reply) -> Reply | None:
    return page(500) if request.url.path == "/users/" else None


def messages_are_reworded(request: httpx2.Request, answer: Reply) -> Reply | None:
    body = envelope(answer)
    return with_json(answer, body | {"message": "Oh."}) if body and answer.status_code >= 400 else None


# The original's own faults


def paths_without_slash_redirect(request: httpx2.Request, answer: Reply) -> Reply | None:
    path, _, query = request.url.raw_path.decode().partition("?")
    if path.endswith("/"):
        return None
    return Reply(301, headers={"Location": f"{path}/?{query}" if query else f"{path}/"})


def mistakes_are_pages(request: httpx2.Request, answer: Reply) -> Reply | None:
    """What the original never thought of ends in an unhandled exception."""
    unthought = "Invalid " in answer.text or "expected" in answer.text or "does not exist" in answer.text
    if answer.status_code == 405 and request.url.path not in ("/jobs/", "/users/", "/job_types/", "/tokens/"):
        return page(500)
    if answer.status_code == 405 and request.method == "PUT" and request.url.path == "/jobs/":
        return page(500)
    return page(500) if answer.status_code == 400 and unthought and "JSON" not in answer.text else None


def unknown_paths_are_pages(request: httpx2.Request, answer: Reply) -> Reply | None:
    return page(404) if answer.status_code == 404 else None


def creations_tell_naive_times(request: httpx2.Request, answer: Reply) -> Reply | None:
    if request.method == "GET" or "datetime_created" not in answer.text:
        return None
    naive = re.sub(r'("datetime_created":\s*"[^"Z]+)Z"', r'\1"', answer.text)
    return with_json(answer, json.loads(naive))


def the_health_of_some_is_status(request: httpx2.Request, answer: Reply) -> Reply | None:
    if request.url.path != "/status/":
        return None
    return with_json(answer, json.loads(answer.text.replace('"connected"', '"status"')))


def options_are_not_told(request: httpx2.Request, answer: Reply) -> Reply | None:
    body = envelope(answer)
    if not request.url.path.endswith("/start/") or answer.status_code != 200:
        return None
    body["data"]["job"]["job_details"]["request_job_details"].pop("resource_options", None)
    return with_json(answer, body)
