"""A small client on one kept-alive connection, so that what is measured is the server."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from harness.processes import wait_until

POLL_SECONDS = 0.01
TIMEOUT_SECONDS = 60.0
ENDED = ("complete", "failed")


class Refused(Exception):
    """The server did not answer with 200; the text has its answer."""


class Client:
    """ada's requests to the API, and to her jobs through the passthrough."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.headers = http.client.HTTPMessage()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        self._connection.close()

    def status(self, method: str, path: str) -> int:
        """Return an answer's status."""
        return self._answer(method, path, None)[0]

    def header(self, method: str, path: str, name: str) -> str:
        """Return a header of an answer. Raises `Refused` where it has none of that name."""
        self._answer(method, path, None)
        value = self.headers.get(name)
        if value is None:
            raise Refused(f"{method} {path}: no header {name}")
        return value

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the `data` of a good answer. Raises `Refused` for any other."""
        status, content = self._answer(method, path, body)
        if status != 200:
            raise Refused(f"{method} {path}: {status} {content[:2000]!r}")
        data: dict[str, Any] = json.loads(content).get("data", {})
        return data

    def _answer(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        headers = {"UWS-Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            # The server closes connections that were idle for a while; nothing of the request was read then.
            self._connection.close()
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
        self.headers = answer.headers
        return answer.status, answer.read()

    def create_workspace(self, name: str) -> int:
        """Make a workspace and return its number."""
        body = {"name": name, "description": "", "workspace_details": {}}
        created: int = self.request("POST", "/workspaces/", body)["workspace"]["id"]
        return created

    def start(self, workspace_id: int, job_type: str) -> int:
        """Start a job and return its number."""
        body = {"job_type": job_type, "job_details": {}, "resource_options": {}}
        job: int = self.request("PUT", f"/workspaces/{workspace_id}/start/", body)["job"]["id"]
        return job

    def job(self, job_id: int) -> dict[str, Any]:
        """Return a job as the API shows it."""
        found: dict[str, Any] = self.request("GET", f"/jobs/{job_id}/")["jobs"][0]
        return found

    def poll_status(self, job_id: int, wanted: str, seconds: float = 60.0) -> float:
        """Ask until the job has the status `wanted`; return the time (seconds since the epoch) of that answer."""
        deadline = time.monotonic() + seconds
        while True:
            job = self.job(job_id)
            if job["status"] == wanted:
                return time.time()
            if job["status"] in ENDED or time.monotonic() > deadline:
                raise Refused(f"job {job_id} is {job['status']}, waited for {wanted}: {job['job_details']}")
            time.sleep(POLL_SECONDS)

    def poll_address(self, job_id: int, seconds: float = 120.0) -> tuple[str, str]:
        """Ask until the job can be opened; return origin and path."""
        deadline = time.monotonic() + seconds
        while True:
            job = self.job(job_id)
            details = job["job_details"]["current_job_details"]
            if "connection_details" in details:
                address = details["connection_details"]
                return address["url_domain"], address["url_path"]
            if job["status"] in ENDED or time.monotonic() > deadline:
                raise Refused(f"job {job_id} is {job['status']} and was never ready: {details}")
            time.sleep(POLL_SECONDS)

    def stop(self, job_id: int) -> None:
        """Stop a job and wait for its end."""
        self.request("PUT", f"/jobs/{job_id}/stop/")
        wait_until(lambda: self.job(job_id)["status"] in ENDED, f"the end of job {job_id}")


def open_page(origin: str, path: str) -> int:
    """Open a job's page as a browser does, ticket, cookie and redirects; return the length of the page in bytes.

    The job's name (`job-12.localhost`) is sent as `Host`, to 127.0.0.1. Raises `Refused`.
    """
    host = urlsplit(origin).netloc
    headers = {
        "Host": host,
        "Accept": "text/html",
        "Sec-Fetch-Site": "none",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(origin).port, timeout=TIMEOUT_SECONDS)
    try:
        for _ in range(5):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                headers["Cookie"] = cookie.partition(";")[0]
            if answer.status == 200:
                return len(content)
            target = answer.headers.get("Location")
            if target is None:
                raise Refused(f"GET {origin}{path.partition('?')[0]}: {answer.status} {content[:500]!r}")
            parts = urlsplit(target)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
        raise Refused(f"GET {origin}: too many redirects")
    finally:
        connection.close()
