"""Django's addresses: the API's and the console's."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

import uws.api.urls
import uws.console.urls

urlpatterns: list[URLPattern | URLResolver] = [
    *uws.api.urls.urlpatterns,
    *uws.api.urls.public_urlpatterns,
    *uws.console.urls.urlpatterns,
]

handler400 = "uws.console.errors.bad_request"
handler403 = "uws.console.errors.permission_denied"
handler404 = "uws.console.errors.not_found"
handler500 = "uws.console.errors.server_error"
