"""Where an upload lies in the clear while its request is read: a folder for nobody else.

Django's handler would use the system's temporary folder, and only a process that lives deletes.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

# A file that is still being written changes all the time.
ABANDONED_SECONDS = 3600.0


class IncomingFile(TemporaryUploadedFile):
    """Django's, in `folder` and under a name of which the sender chose nothing."""

    def __init__(self, folder: Path, *facts: Any) -> None:
        # Mode 0600, and gone when it is closed.
        file = tempfile.NamedTemporaryFile(suffix=".upload", dir=folder)  # noqa: SIM115
        name, content_type, size, charset, extra = facts
        UploadedFile.__init__(self, file, name, content_type, size, charset, extra)


class OwnFolderUploadHandler(TemporaryFileUploadHandler):
    """Makes INCOMING_ROOT on demand and clears what a killed process left in it."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        FileUploadHandler.new_file(self, *args, **kwargs)
        folder = Path(settings.INCOMING_ROOT)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(folder)
        self.file = IncomingFile(
            folder, self.file_name, self.content_type, 0, self.charset, self.content_type_extra
        )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with gone_when_it_fails(self.file):
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        with gone_when_it_fails(self.file):
            return super().file_complete(file_size)


@contextmanager
def gone_when_it_fails(file: "UploadedFile[Any]") -> Iterator[None]:
    """On a full disk what is in the clear must not lie there until its memory is collected."""
    try:
        yield
    except OSError:
        with suppress(OSError):  # what was not written cannot be written now either
            file.close()
        raise


def sweep(folder: Path) -> None:
    """Remove files that nobody has written to for ABANDONED_SECONDS."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its request ended just now
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
