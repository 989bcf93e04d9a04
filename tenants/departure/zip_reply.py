"""How any sealed export is sent: one place for every page and address that gives one."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse

from tenants.departure.models import SealedExport


def zip_reply(export: SealedExport, content: Iterator[bytes]) -> StreamingHttpResponse:
    """A finished export as the browser or the caller saves it, under its own name."""
    reply = StreamingHttpResponse(content, content_type="application/zip")
    reply["Content-Length"] = str(export.bytes)
    reply["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    return reply
