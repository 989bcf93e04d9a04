"""What every operation of the OpenAPI document says alike: words and an example per status.

Runs last over the document that the views made; adds nothing that stands there already.
"""

from typing import Any

Document = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")

# Status -> what it means. Those of success are each operation's own; these are the rest.
MEANS = {
    "200": "Done.",
    "201": "Made.",
    "202": "Taken; the work goes on.",
    "204": "Done; there is nothing to say.",
    "400": "The request is not understood or breaks a rule; `param` names the field.",
    "401": "There is no key, or it is unknown, revoked or expired.",
    "403": "The key lacks the scope that the message names.",
    "404": "There is no such thing, or it is another tenant's.",
    "409": "What is there already does not allow this.",
    "411": "The request does not say how long its body is.",
    "413": "The body is longer than this address takes.",
    "415": "The body is in a form that this address does not read.",
    "429": "A limit is reached; ask again after `Retry-After` seconds.",
    "500": "A fault of ours. The request id finds it in the log.",
    "503": "The service cannot answer now; ask again later.",
}
# Status -> type, code, message and param of an example.
ERRORS: dict[str, tuple[str, str, str, str | None]] = {
    "400": ("invalid_request_error", "invalid_value", "This field is required.", "user_id"),
    "401": (
        "authentication_error", "key_invalid",
        "This API key is unknown, revoked or expired.", None,
    ),
    "403": (
        "permission_error", "scope_missing",
        "This key lacks the scope events:write. Use a key that has it.", None,
    ),
    "404": ("not_found_error", "not_found", "There is no such upload.", "id"),
    "409": (
        "conflict_error", "idempotency_conflict",
        "This Idempotency-Key was used for another request. Use a new one.", "Idempotency-Key",
    ),
    "411": (
        "invalid_request_error", "length_required",
        "Send the body with its Content-Length, not chunked.", None,
    ),
    "413": (
        "invalid_request_error", "body_too_large",
        "This address takes up to 1,048,576 bytes at once. Send less.", None,
    ),
    "415": (
        "invalid_request_error", "unsupported_media_type",
        "Unsupported media type \"text/plain\" in request.", None,
    ),
    "429": (
        "rate_limit_error", "rate_limited",
        "This tenant may send 50 requests per second. Wait for Retry-After.", None,
    ),
    "500": (
        "api_error", "internal_error",
        "Something broke on our side. Try again; if it stays, report the request_id.", None,
    ),
    "503": (
        "api_error", "unavailable", "The service is not available now. Try again soon.", None,
    ),
}  # fmt: skip
# The web server refuses these itself, before the application sees them.
SERVERS_OWN = {
    "431": "Address and headers are longer than 32 KiB, or there are more than 100 headers. The "
    "web server says so itself, without a body, and closes the connection.",
}


_TEXT = {"schema": {"type": "string"}}
_ID = {"X-Request-Id": {"description": "Finds the request in our log.", **_TEXT}}
_LATER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_RATE = {
    "X-RateLimit-Limit-Requests": {"description": "Requests that may come at once.", **_TEXT},
    "X-RateLimit-Remaining-Requests": {"description": "How many of them are left.", **_TEXT},
    "X-RateLimit-Reset-Requests": {"description": "When all are there again: 1.250s.", **_TEXT},
}
# Status -> the headers that its answers carry; "2" stands for all of success.
HEADERS = {"2": {**_ID, **_RATE}, "429": {**_ID, **_LATER, **_RATE}, "503": {**_ID, **_LATER}}


def complete(result: Document, **_: Any) -> Document:
    """A post-processing hook of drf-spectacular; the document it was given, filled in."""
    for methods in result["paths"].values():
        for method in METHODS:
            if method in methods:
                _complete_answers(methods[method]["responses"])
    return result


def _complete_answers(answers: dict[str, Any]) -> None:
    for status, answer in answers.items():
        answer["description"] = answer.get("description") or MEANS.get(status, "")
        carried = HEADERS.get(status) or HEADERS.get(status[0], _ID)
        answer["headers"] = {**carried, **answer.get("headers", {})}
        media = answer.get("content", {}).get("application/json")
        if media is not None and status in ERRORS:
            media.setdefault("examples", {"Error": {"value": _error(*ERRORS[status])}})
    for status, text in SERVERS_OWN.items():
        answers.setdefault(status, {"description": text})


def _error(kind: str, code: str, message: str, param: str | None) -> dict[str, Any]:
    return {
        "error": {
            "type": kind,
            "code": code,
            "message": message,
            "param": param,
            "request_id": "req_0353F0mAHdwSgGNeXHLs2l",
        }
    }
