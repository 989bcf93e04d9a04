"""How bodies are read. Knows no field of any of them."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles, JSONParser


class JSONBody(JSONParser):
    """JSON whose nesting is no deeper than can be read; deeper is a fault of the sender's."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


class PartBody(BaseParser):
    """A body that is bytes and nothing else, as the file `part`; the door bounds its length."""

    media_type = "application/octet-stream"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        request = (parser_context or {})["request"]
        content = stream.read()
        if str(len(content)) != request.META.get("CONTENT_LENGTH"):
            raise ParseError("The body broke off. Send it again.")
        files = MultiValueDict({"part": [SimpleUploadedFile("part", content)]})
        return DataAndFiles(QueryDict(), files)
