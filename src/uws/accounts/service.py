"""What can be done with users: making them, finding them, and knowing their accounts outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat

from uws.accounts.authentication.base import AuthenticationMethod, Identification, PermissionRefused
from uws.accounts.errors import AlreadyExists, NameRefused, SecondAccount, UnknownUser
from uws.accounts.models import ExternalMapping, User
from uws.accounts.names import ACCOUNT_NAME_RULE, is_account_name, is_email
from uws.accounts.person import ExternalAccount, Person
from uws.config.server import ServerSettings
from uws.events import log

SECOND_ACCOUNT = (
    "run_jobs_as is \"self\": everything runs as the server's own Unix account, so a second person's notebook could "
    "read the first one's files. Set server.shared_account to true in config.json if that is wanted."
)


SERVICE_ACCOUNT = "admin"
"""The name of the original's built-in administrator, which is nobody to share with (contract §6)."""


def _people() -> QuerySet[User]:
    return User.objects.filter(is_active=True, is_api_client=False)


class Accounts:
    """Users and their external accounts. One transaction a method."""

    def __init__(self, server: ServerSettings) -> None:
        self._server = server

    def create(
        self,
        username: str,
        email: str,
        *,
        first_name: str = "",
        last_name: str = "",
        administrator: bool = False,
        api_client: bool = False,
        actor: str = "operator",
    ) -> User:
        """Make a user without a password. Raises `NameRefused`, `AlreadyExists`, `SecondAccount`."""
        if not is_account_name(username):
            raise NameRefused(f"user name {username[:80]!r} is not allowed; expected {ACCOUNT_NAME_RULE}")
        if not is_email(email):
            raise NameRefused(
                f"e-mail address {email[:80]!r} is not one; expected something like ada@example.org"
            )
        if not api_client:
            self._refuse_second_account()
        try:
            with transaction.atomic():
                if User.objects.filter(username__iexact=username).exists():
                    raise AlreadyExists(f"user name {username!r} is taken")
                user = User(
                    username=username,
                    email=email,
                    first_name=first_name[:150],
                    last_name=last_name[:150],
                    is_superuser=administrator,
                    is_staff=administrator,
                    is_api_client=api_client,
                )
                user.set_unusable_password()
                user.save(force_insert=True)
                log.append(
                    "user.created",
                    f"users/{user.pk}",
                    owner_id=user.pk,
                    actor=actor,
                    payload={"username": username, "administrator": administrator, "api_client": api_client},
                )
        except IntegrityError as error:
            raise AlreadyExists(f"user name {username!r} is taken") from error
        return user

    def _refuse_second_account(self) -> None:
        if self._server.run_jobs_as != "self" or self._server.shared_account:
            return
        if User.objects.filter(is_api_client=False, is_active=True).exists():
            raise SecondAccount(SECOND_ACCOUNT)

    def get(self, username: str) -> User:
        """Return an active user by name. Raises `UnknownUser`."""
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise UnknownUser(f"there is no user {username!r}")
        return user

    def identified(self, method: AuthenticationMethod, who: Identification) -> User | None:
        """Return the user whom a directory has identified, or None where that would take over somebody's name.

        Known by the method's own mapping, else by user name *and* e-mail, else made new. Administrators,
        API clients and locked users are never given. Raises `NameRefused` and `SecondAccount`.
        """
        mapping = ExternalMapping.objects.filter(method=method.key, external_username=who.username).first()
        if mapping is not None:
            user: User | None = mapping.user
            if user is not None and user.email.casefold() != who.email.casefold():
                return None
        else:
            user = User.objects.filter(username__iexact=who.username).first()
            if user is not None and (
                user.username != who.username or user.email.casefold() != who.email.casefold()
            ):
                return None
            if user is None:
                try:
                    user = self.create(
                        who.username,
                        who.email,
                        first_name=who.first_name,
                        last_name=who.last_name,
                        actor=method.key,
                    )
                except AlreadyExists:
                    return None
        if user is None or user.is_superuser or user.is_api_client or not user.is_active:
            return None
        return user

    def account_for(self, person: Person, method: AuthenticationMethod) -> ExternalAccount:
        """Return the person's account at `method`, kept after the first time.

        Raises what `AuthenticationMethod.account_for` raises; `PermissionRefused` too for another user's account.
        """
        mapping = ExternalMapping.objects.filter(user_id=person.id, method=method.key).first()
        known = mapping.as_account() if mapping else None
        account = method.account_for(person, known)
        if account != known:
            values: Mapping[str, object] = {
                "external_user_id": account.user_id,
                "external_username": account.username,
                "uid": account.uid,
                "gid": account.gid,
                "details": dict(account.details),
            }
            try:
                ExternalMapping.objects.update_or_create(
                    user_id=person.id, method=method.key, defaults=dict(values)
                )
            except IntegrityError as error:
                raise PermissionRefused(
                    f"The account {account.username!r} at {method.key!r} is another user's already."
                ) from error
        return account

    def search(self, person: Person, text: str | None) -> list[dict[str, object]]:
        """Return the other people as the wire's user objects (contract §6), by name or e-mail, or all."""
        others = _people().exclude(pk=person.id).exclude(username=SERVICE_ACCOUNT)
        if text:
            others = others.annotate(full_name=Concat(F("first_name"), Value(" "), F("last_name"))).filter(
                Q(full_name__icontains=text) | Q(email__icontains=text)
            )
        columns = ("id", "first_name", "last_name", "username", "email")
        return [dict(row) for row in others.order_by("id").values(*columns)]

    def recipients(self, person: Person, ids: Collection[int]) -> dict[int, User]:
        """Return those of `ids` that the person may share with, by id: whom `search` offers, and themselves."""
        chosen = _people().filter(pk__in=ids).exclude(~Q(pk=person.id), username=SERVICE_ACCOUNT)
        return {user.pk: user for user in chosen}
