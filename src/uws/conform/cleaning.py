"""Removes what a run has made: jobs are stopped, shares cancelled, workspaces deleted."""

from __future__ import annotations

import time
from typing import Any

from uws.conform.conversation import Answer, Conversation
from uws.conform.verdicts import NoAnswer, Skip

CLEANING_SECONDS = 30.0
ROUND_SECONDS = 1.0
LIVE = ("pending", "running")


class Cleaning:
    """Knows what is the run's own: what answers told, and what bears its name."""

    def __init__(self, conversation: Conversation, name: str) -> None:
        self.owners: set[str] = set()
        self._conversation = conversation
        self._name = name
        self._workspaces: dict[int, str] = {}

    def note_workspace(self, token: str, answer: Answer) -> None:
        """Remember the workspace that an answer tells of, whatever else is wrong with it."""
        body: Any = answer.json
        for key in ("data", "workspace", "id"):
            body = body.get(key) if isinstance(body, dict) else None
        if isinstance(body, int):
            self._workspaces[body] = token

    def clean(self) -> list[str]:
        """Remove everything, as often as it takes within half a minute; return what is left over."""
        self._conversation.start_cleaning()
        deadline = time.monotonic() + CLEANING_SECONDS
        try:
            while left := self._round():
                if time.monotonic() > deadline:
                    break
                time.sleep(ROUND_SECONDS)
        except (Skip, NoAnswer) as problem:
            return [f"workspace {number}" for number in sorted(self._workspaces)] + [str(problem)]
        return left

    def _round(self) -> list[str]:
        left = []
        for token in sorted(self.owners):
            left += self._cancel_shares(token)
        for token in sorted(self.owners):
            for workspace_id in sorted(self._own_workspaces(token)):
                if not self._is_removed(token, workspace_id):
                    left.append(f"workspace {workspace_id}")
        return left

    def _cancel_shares(self, token: str) -> list[str]:
        left = []
        answer = self._conversation.send("GET", "/shared_workspaces/", token=token)
        for share in _listed(answer, "original_workspaces"):
            copy = share.get("shared_workspace_id") or {}
            if copy.get("name") == self._name and share.get("is_accepted") is False:
                path = f"/shared_workspaces/{copy.get('id')}/"
                if self._conversation.send("DELETE", path, token=token).status != 200:
                    left.append(f"share {copy.get('id')}")
        return left

    def _own_workspaces(self, token: str) -> set[int]:
        rows = _listed(self._conversation.send("GET", "/workspaces/", token=token), "workspaces")
        present = {row["id"]: row for row in rows if isinstance(row.get("id"), int)}
        named = {number for number, row in present.items() if row.get("name") == self._name}
        noted = {number for number, owner in self._workspaces.items() if owner == token}
        wanted = named | (noted & set(present))
        return {number for number in wanted if present[number].get("status") != "deleting"}

    def _is_removed(self, token: str, workspace_id: int) -> bool:
        path = f"/workspaces/{workspace_id}/"
        if self._conversation.send("DELETE", path, token=token).status in (200, 404):
            return True
        answer = self._conversation.send("GET", f"/jobs/?workspace_id={workspace_id}", token=token)
        for job in _listed(answer, "jobs"):
            if job.get("status") in LIVE:
                self._conversation.send("PUT", f"/jobs/{job.get('id')}/stop/", token=token)
        return False


def _listed(answer: Answer, key: str) -> list[dict[str, Any]]:
    data = answer.json.get("data") if isinstance(answer.json, dict) else None
    rows = data.get(key) if isinstance(data, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
