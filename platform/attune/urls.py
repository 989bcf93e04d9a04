"""Every address of the installation. The access matrix of the tests walks this list."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the web server answers; asks nothing of the database."""
    return HttpResponse("ok", content_type="text/plain")


handler400 = "tenants.access.errors.bad_request"
handler404 = "tenants.access.errors.not_found"
handler500 = "tenants.access.errors.server_error"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("v1/openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("", include("tenants.metering.urls")),
    path("", include("tenants.evidence.urls")),
    path("", include("tenants.consent.urls")),
    path("", include("tenants.behaviour.urls")),
    path("", include("tenants.tracking.urls")),
    path("", include("tenants.rights.urls")),
    path("", include("tenants.erasure.urls")),
    path("", include("training.jobs.urls")),
    path("", include("recommend.urls")),
    path("accounts/", include("tenants.accounts.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("dashboard.urls")),
]
