"""The OpenAPI document is whole, and schemathesis finds no answer that it does not name.

Bounded: EXAMPLES valid and EXAMPLES invalid requests for each operation, from a fixed seed, through
the WSGI application and without a server; `make fuzz-api` asks a real one, and for longer.
"""

from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import validator_for
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tenants.accounts.scopes import SCOPES
from tests.each_route import for_each
from tests.stocked import stock

EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = {
    spec["operationId"]: (method, path, spec)
    for path, methods in DOCUMENT["paths"].items()
    for method, spec in methods.items()
}


def media_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON and form contents; the web server's own pages and files have no examples."""
    unshown = ("text/html", "application/zip")
    return [media for kind, media in part.get("content", {}).items() if kind not in unshown]


def test_the_document_is_valid_openapi_3_1():
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_every_operation_stands_under_its_own_name():
    written = [spec for methods in DOCUMENT["paths"].values() for spec in methods.values()]
    assert len(OPERATIONS) == len(written) > 0


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_it_is_and_which_scope_it_needs(name):
    spec = OPERATIONS[name][2]
    (scope,) = spec["security"][0]["key"]
    assert scope in {right.value for right in SCOPES}
    assert spec["tags"] and set(spec["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert spec["description"].strip()
    assert [
        status for status, answer in spec["responses"].items() if not answer["description"]
    ] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_shows_what_to_send_and_what_comes_back(name):
    spec = OPERATIONS[name][2]
    good = [answer for status, answer in spec["responses"].items() if status < "3"]
    shown = [media for part in [*good, spec.get("requestBody", {})] for media in media_of(part)]
    assert good and all(media.get("examples") for media in shown)
    for parameter in spec.get("parameters", []):
        assert parameter["description"]
        assert parameter.get("examples") or not parameter.get("required")


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_fits_its_schema(name):
    spec = OPERATIONS[name][2]
    for part in [*spec["responses"].values(), spec.get("requestBody", {})]:
        for media in media_of(part):
            schema = {**media["schema"], "components": DOCUMENT["components"]}
            for example in media.get("examples", {}).values():
                validator_for(schema).validate(example["value"])


@pytest.fixture(scope="module")
def application():
    """The document as schemathesis reads it, before the application that it tells of."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = get_wsgi_application()
    return schema


@pytest.fixture
def shopkeeper(alice):
    """Alice with data, so that lists are not empty.

    The application may not close the test's own connection between two requests.
    """
    stock(alice, range(3))
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield alice
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.mark.parametrize("mode", GenerationMode)
@for_each(OPERATIONS)
def test_no_request_meets_a_fault_or_an_answer_that_is_not_documented(
    shopkeeper, application, mode, route
):
    method, path, _ = OPERATIONS[route]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=application[path][method.upper()].as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers=shopkeeper.headers, checks=CHECKS)

    ask()
