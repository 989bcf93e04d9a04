"""The product's addresses and that of the view that only parses."""

from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from tests.bench.parse_only import parse

urlpatterns = [path("bench/parse", csrf_exempt(parse)), path("", include("attune.urls"))]
