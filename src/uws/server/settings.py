"""Django's settings, computed from the deployment. There is no settings module at run time."""

from __future__ import annotations

from typing import Any

from uws.config.deployment import Deployment
from uws.config.server import MailSettings

SQLITE_NAME = "uws.sqlite3"
SQLITE_TIMEOUT_SECONDS = 20
MAIL_TIMEOUT_SECONDS = 10
QUEUE_RETRY_SECONDS = 900
"""After this long a task whose worker died is handed out again; the sweep usually finds it within a minute."""

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "ninja",
    "django_q",
    "uws.events",
    "uws.background",
    "uws.accounts",
    "uws.workspaces",
    "uws.jobs",
    "uws.sharing",
    "uws.moving",
    "uws.console",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "uws.console.middleware.ConsoleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


COOKIES_AND_HEADERS = {
    "SESSION_COOKIE_NAME": "__Host-uws-session",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_AGE": 7 * 24 * 3600,
    "CSRF_COOKIE_NAME": "__Host-uws-csrf",
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_HTTPONLY": True,
    "CSRF_COOKIE_SAMESITE": "Lax",
    "SECURE_CONTENT_TYPE_NOSNIFF": True,
    "SECURE_REFERRER_POLICY": "same-origin",
    "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
    "X_FRAME_OPTIONS": "DENY",
}
"""`__Host-` cookies can't be set by another host, such as a job's page on a subdomain (RFC 6265bis §4.1.3)."""


class DatabaseUrlError(Exception):
    """`server.database.url` can't be used; the message says why."""


def django_settings(deployment: Deployment) -> dict[str, Any]:
    """Return what `django.conf.settings.configure` is called with. Reads nothing but its argument.

    Raises `DatabaseUrlError` for a database URL that isn't understood.
    """
    server = deployment.server
    return {
        "SECRET_KEY": deployment.secrets.derive("django").hex(),
        "DEBUG": False,
        "ALLOWED_HOSTS": list(server.hosts),
        "ROOT_URLCONF": "uws.server.urls",
        "APPEND_SLASH": False,
        "LOGIN_URL": "/sign-in/",
        "CSRF_FAILURE_VIEW": "uws.console.errors.csrf_failure",
        "INSTALLED_APPS": INSTALLED_APPS,
        "MIDDLEWARE": MIDDLEWARE,
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        "DATABASES": {"default": database_settings(deployment)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "AUTH_USER_MODEL": "accounts.User",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "STATIC_URL": "/static/",
        "Q_CLUSTER": queue_settings(),
        "LOGGING_CONFIG": None,
        "CSRF_TRUSTED_ORIGINS": [server.public_url] if server.public_url else [],
        **COOKIES_AND_HEADERS,
        **_upload_settings(deployment),
        **_mail_settings(server.mail),
    }


def database_settings(deployment: Deployment) -> dict[str, Any]:
    """Return the entry of Django's DATABASES: SQLite in the data directory, or PostgreSQL from its URL."""
    url = deployment.server.database.url.get_secret_value()
    if not url:
        return sqlite_settings(str(deployment.data_dir / SQLITE_NAME))
    return postgresql_settings(url)


def sqlite_settings(path: str) -> dict[str, Any]:
    """Return SQLite's options as DESIGN measured them: with eight writers no statement is refused as locked."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_TIMEOUT_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def postgresql_settings(url: str) -> dict[str, Any]:
    """Return PostgreSQL's settings from a libpq URI (https://www.postgresql.org/docs/current/libpq-connect.html)."""
    if not url.startswith(("postgresql://", "postgres://")):
        scheme = url.partition("://")[0] if "://" in url else "no scheme"
        raise DatabaseUrlError(
            f'server.database.url: found {scheme}; expected "postgresql://…" or "" for SQLite'
        )
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise DatabaseUrlError(
            "PostgreSQL needs psycopg: install user-workspaces-server[postgresql]"
        ) from error
    try:
        parts = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        # libpq's own message repeats the URL, which may hold a password.
        raise DatabaseUrlError(
            "server.database.url can't be read; expected postgresql://user:password@host:port/name (special "
            "characters of the password as %XX)"
        ) from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 3, **parts},
    }


def queue_settings() -> dict[str, Any]:
    """Return Django-Q's configuration: tasks in the database, two queues named by `cluster=` when enqueued."""
    return {
        "name": "uws",
        "orm": "default",
        "workers": 1,
        "bulk": 1,
        "queue_limit": 1,
        "ack_failures": True,
        "max_attempts": 3,
        "save_limit": 250,
        "catch_up": False,
        "timeout": QUEUE_RETRY_SECONDS - 60,
        "retry": QUEUE_RETRY_SECONDS,
    }


def _upload_settings(deployment: Deployment) -> dict[str, Any]:
    """The front has limited the body already (`read_first`); every uploaded file has a descriptor."""
    return {
        "DATA_UPLOAD_MAX_MEMORY_SIZE": None,
        "FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.TemporaryFileUploadHandler"],
        "FILE_UPLOAD_TEMP_DIR": str(deployment.data_dir / "tmp"),
    }


def _mail_settings(mail: MailSettings | None) -> dict[str, Any]:
    """Without a mail server whatever is mailed all the same goes nowhere: never to localhost, Django's default."""
    if mail is None:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": mail.host,
        "EMAIL_PORT": mail.port,
        "EMAIL_HOST_USER": mail.user,
        "EMAIL_HOST_PASSWORD": mail.password.get_secret_value(),
        "EMAIL_USE_TLS": mail.use_tls,
        "EMAIL_TIMEOUT": MAIL_TIMEOUT_SECONDS,
        "DEFAULT_FROM_EMAIL": mail.from_address,
        "SERVER_EMAIL": mail.from_address,
    }
