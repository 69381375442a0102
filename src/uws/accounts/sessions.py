"""Who a console session belongs to, for sockets: the same rules as Django's own middleware applies to requests."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from uws.accounts.models import User
from uws.accounts.person import Person


def person_of_session(session_key: str) -> Person | None:
    """Return the active user of a session, or None: unknown, ended, or from before a password change."""
    if not session_key or len(session_key) > 64:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user_id = session.get(SESSION_KEY)
    if user_id is None or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=int(user_id), is_active=True).first()
    if user is None or not constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        return None
    return user.as_person()
