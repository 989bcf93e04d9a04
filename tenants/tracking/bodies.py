"""How a body of the tracking API is read: JSON under any content type, plain or gzip, in bounds.

Browsers send it as text/plain, so that they need not ask first. The bounds are Segment's published
ones; a body that inflates beyond them is given up where it passes them.
"""

import json
import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

EVENT_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
GZIP = 16 + zlib.MAX_WBITS


class BatchTooLarge(ParseError):
    """400, as the specification says, not 413."""

    default_code = "batch_too_large"
    default_detail = f"A request holds up to {BATCH_BYTES:,} bytes, inflated. Send fewer at once."


class EventTooLarge(ParseError):
    default_code = "event_too_large"
    default_detail = f"An event holds up to {EVENT_BYTES:,} bytes. Nothing of the request is kept."


class BadBatch(ParseError):
    default_code = "bad_batch"
    default_detail = 'Send {"batch": [{"type": "track", …}, …]}.'


class TrackingBody(BaseParser):
    """A JSON object. Tells its view the `raw` bytes, inflated."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(parser_context or {})
        raw = inflated(stream.read(BATCH_BYTES + 1), given["request"].headers)
        given["view"].raw = raw
        try:
            return json.loads(raw, parse_constant=_no_number)
        except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested without end
            raise ParseError("The body is no JSON.") from None


def inflated(raw: bytes, headers: Mapping[str, str]) -> bytes:
    """The body as it was before it was packed. BatchTooLarge, ParseError, UnsupportedMediaType."""
    packing = headers.get("Content-Encoding", "identity").strip().lower()
    if len(raw) > BATCH_BYTES:
        raise BatchTooLarge
    if packing in ("", "identity"):
        return raw
    if packing != "gzip":
        raise UnsupportedMediaType(packing, "Send the body plain or as gzip.")
    unpacking = zlib.decompressobj(GZIP)
    try:
        plain = unpacking.decompress(raw, BATCH_BYTES + 1)
    except zlib.error:
        raise ParseError("The body is no gzip.") from None
    if len(plain) > BATCH_BYTES:
        raise BatchTooLarge
    if not unpacking.eof or unpacking.unused_data:
        raise ParseError("The gzip is cut off, or something follows it.")
    return plain


def messages_of(body: Any, kind: str, measured: int) -> list[Any]:
    """The messages of a body: itself under an address of one `kind`, else those of its batch.

    EventTooLarge, BadBatch.
    """
    messages = measured_before(body, kind)
    if kind and measured > EVENT_BYTES:
        raise EventTooLarge
    try:
        _check_sizes(messages, measured)
    except RecursionError:
        raise BadBatch("The messages are nested too deeply.") from None
    return messages


def measured_before(body: Any, kind: str) -> list[Any]:
    """The same of a body whose messages are known to be no larger than they may. BadBatch."""
    if not isinstance(body, Mapping):
        raise BadBatch("Send a JSON object.")
    batch = [{**body, "type": kind}] if kind else body.get("batch")
    if not isinstance(batch, list):
        raise BadBatch
    return batch


def _check_sizes(batch: list[Any], measured: int) -> None:
    """EventTooLarge. What is left of the body after some messages bounds those that follow."""
    for message in batch:
        if measured <= EVENT_BYTES:
            return
        size = _size(message)
        if size > EVENT_BYTES:
            raise EventTooLarge
        measured -= size


def _size(message: Any) -> int:
    plain = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return len(plain.encode("utf-8", "surrogatepass"))


def _no_number(name: str) -> None:
    raise ValueError(name)
