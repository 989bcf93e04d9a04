"""A view that only parses what it is sent, in Django and behind the product's own server, door and
middleware. As a settings module it is the product's with that one address more; only the benchmark
of ingest serves it.
"""

import json
from typing import Any

from attune.settings import *  # noqa: F403 # the product's, all of them

ROOT_URLCONF = "tests.bench.parse_only_urls"


def parse(request: Any) -> Any:
    """How many events the body holds."""
    from django.http import JsonResponse

    return JsonResponse({"received": len(json.loads(request.body)["batch"])})
