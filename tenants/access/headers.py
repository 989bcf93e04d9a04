"""What every answer says to browsers and caches, whatever made it: page, API, file or error.

Django's SecurityMiddleware and django-csp add theirs; this adds what they do not know.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from tenants.access.errors import error_body, is_flat
from tenants.access.middleware import request_id_of
from tenants.errors import AppError

# Our pages copy text to the clipboard and need nothing else of the device.
_REFUSED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media",
    "fullscreen", "geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi",
    "payment", "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial",
    "usb", "xr-spatial-tracking",
)  # fmt: skip
PERMISSIONS = ", ".join(f"{name}=()" for name in _REFUSED) + ", clipboard-write=(self)"
HEADERS = {
    "Permissions-Policy": PERMISSIONS,
    # No other site may embed an answer; a browser's CORS request is another question.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Nothing is kept that does not say so itself: static files do.
    "Cache-Control": "no-store",
}


class AnswerHeadersMiddleware:
    """Adds HEADERS to every answer that does not have its own. Stands outside all that answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response


class TLSOnlyAPIMiddleware:
    """Refuses the API over plain HTTP where HTTPS is required.

    A redirect would hide from its integrator that the key has crossed the network in the clear.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        api = request.path_info.startswith("/v1/")
        if api and settings.SECURE_SSL_REDIRECT and not request.is_secure():
            error = AppError(
                "https_required",
                "Send this to the https:// address, and replace the key: it came in the clear.",
            )
            body = error_body(error, request_id_of(request), flat=is_flat(request.path))
            return JsonResponse(body, status=403)
        return self.get_response(request)
