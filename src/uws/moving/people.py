"""The original's users, API clients, tokens, outside accounts and quotas."""

from __future__ import annotations

from collections.abc import Iterable

from uws.accounts.models import TokenKind
from uws.accounts.names import ACCOUNT_NAME_RULE, is_account_name
from uws.accounts.tokens import MAXIMUM_TOKEN_LENGTH, SCOPES, digest
from uws.moving import values
from uws.moving.plan import Columns, Plan, translated
from uws.moving.source import GROUPS, MAPPINGS, MEMBERS, QUOTAS, TOKENS, USERS, OriginalDatabase, Row
from uws.moving.values import Unusable
from uws.site import Site

API_CLIENTS = "api_clients"
SLURM_CACHE = "SlurmAPIResourceAuthentication"


def read_people(source: OriginalDatabase, site: Site, plan: Plan) -> None:
    """Fill the plan's users, tokens, mappings and quotas. Raises `OriginalUnreadable`."""
    clients = _api_clients(source)
    users = _Users(plan, clients)
    plan.users = translated(source, USERS, plan.report, users.translate)
    plan.tokens = translated(source, TOKENS, plan.report, lambda row: _token(row, plan))
    mappings = _Mappings(plan, site)
    plan.mappings = translated(source, MAPPINGS, plan.report, mappings.translate)
    plan.quotas = translated(source, QUOTAS, plan.report, lambda row: _quota(row, plan))


def _api_clients(source: OriginalDatabase) -> frozenset[int]:
    groups = {row["id"] for row in source.rows(GROUPS) if row["name"] == API_CLIENTS}
    return frozenset(row["user_id"] for row in source.rows(MEMBERS) if row["group_id"] in groups)


def owner(row: Row, column: str, plan: Plan) -> int:
    """Return the number of the row's user. Raises `Unusable` where there is none, or it was skipped."""
    user_id = values.whole_or_none(row, column)
    if user_id is None:
        raise Unusable("it belongs to nobody")
    if user_id not in plan.users:
        raise Unusable(f"its user {user_id} was not imported")
    return user_id


class _Users:
    def __init__(self, plan: Plan, clients: frozenset[int]) -> None:
        self._report = plan.report.of(USERS.name)
        self._clients = clients
        self._names: dict[str, int] = {}

    def translate(self, row: Row) -> Columns:
        user_id, username = values.whole(row, "id"), values.text(row, "username", 150)
        if not username:
            raise Unusable("its user name is empty")
        first = self._names.setdefault(username.lower(), user_id)
        if first != user_id:
            raise Unusable(
                f"its name {username!r} is user {first}'s but for upper and lower case; rename one"
            )
        is_client = user_id in self._clients
        if not is_client and not is_account_name(username):
            sentence = f"the name {username!r} can't become a directory; expected {ACCOUNT_NAME_RULE}."
            self._report.note(user_id, sentence)
        return {
            "password": values.text(row, "password", 128),
            "last_login": values.moment(row, "last_login"),
            "is_superuser": values.truth(row, "is_superuser"),
            "username": username,
            "first_name": values.text(row, "first_name", 150),
            "last_name": values.text(row, "last_name", 150),
            "email": values.text(row, "email", 254),
            "is_staff": values.truth(row, "is_staff"),
            "is_active": values.truth(row, "is_active"),
            "date_joined": values.needed_moment(row, "date_joined"),
            "is_api_client": is_client,
        }


def _token(row: Row, plan: Plan) -> Columns:
    user_id = owner(row, "user_id", plan)
    key = row["key"]
    if not isinstance(key, str) or not 16 <= len(key) <= MAXIMUM_TOKEN_LENGTH or not key.isalnum():
        raise Unusable("its key is no token; expected 40 hexadecimal digits")
    is_client = plan.users[user_id]["is_api_client"]
    return {
        "user_id": user_id,
        "kind": TokenKind.CLIENT if is_client else TokenKind.PORTAL,
        "label": plan.users[user_id]["username"][:128] if is_client else "portal (from the original server)",
        "digest": digest(key),
        "scopes": [] if is_client else list(SCOPES[:-1]),
        "created": values.needed_moment(row, "created"),
    }


class _Mappings:
    def __init__(self, plan: Plan, site: Site) -> None:
        self._plan = plan
        self._report = plan.report.of(MAPPINGS.name)
        self._methods = _methods_by_class(site)
        self._of_users: dict[tuple[int, str], int] = {}
        self._of_names: dict[tuple[str, str], int] = {}

    def translate(self, row: Row) -> Columns:
        class_name = values.text(row, "user_authentication_name")
        if class_name == SLURM_CACHE:
            raise Unusable("it only caches a Slurm token")
        user_id = owner(row, "user_id_id", self._plan)
        method = self._methods.get(class_name)
        if method is None:
            raise Unusable(f"no authentication method of this installation is a {class_name[:64]!r}")
        username = values.text(row, "external_username")
        if not is_account_name(username):
            raise Unusable(f"its external user name {username[:64]!r} is not {ACCOUNT_NAME_RULE}")
        mapping_id = values.whole(row, "id")
        for seen, what in (
            (self._of_users.setdefault((user_id, method), mapping_id), "its user"),
            (self._of_names.setdefault((method, username), mapping_id), f"the account {username!r}"),
        ):
            if seen != mapping_id:
                raise Unusable(f"{what} has the earlier mapping {seen} at {method!r}, which counts")
        details, dropped = values.without_secrets(values.json_object(row, "external_user_details"))
        if dropped:
            keys = ", ".join(sorted(set(dropped)))
            self._report.note(
                mapping_id, f"left out of its details, as secrets: {keys}; signing in renews them."
            )
        return {
            "user_id": user_id,
            "method": method,
            "external_user_id": values.text(row, "external_user_id", 128),
            "external_username": username,
            "details": details,
        }


def _methods_by_class(site: Site) -> dict[str, str]:
    """Map the class names of the configured methods to their keys; the one that counts most, where several are."""
    config = site.loaded.config
    main_storage = config.available_storage[config.main_storage]
    keys: Iterable[str] = (
        config.api_user_authentication,
        main_storage.user_authentication,
        *site.loaded.plugins.authentication,
    )
    found: dict[str, str] = {}
    for key in keys:
        spec = site.loaded.plugins.authentication[key]
        found.setdefault(spec.settings.user_authentication_type, key)
        found.setdefault(spec.cls.__name__, key)
    return found


def _quota(row: Row, plan: Plan) -> Columns:
    return {
        "user_id": owner(row, "user_id_id", plan),
        "maximum_disk_space_bytes": values.whole_or_none(row, "max_disk_space") or 0,
        "maximum_core_hours": values.decimal(row, "max_core_hours"),
        "used_disk_space_bytes": values.whole_or_none(row, "used_disk_space") or 0,
        "used_core_hours": values.decimal(row, "used_core_hours"),
    }
