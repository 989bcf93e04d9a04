"""Where an upload lies in the clear while its request is read: a folder for nobody else.

Django's handler would use the system's temporary folder, and only a process that lives deletes.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler

# A file that is still being written changes all the time.
ABANDONED_SECONDS = 3600.0


class OwnFolderUploadHandler(TemporaryFileUploadHandler):
    """Makes FILE_UPLOAD_TEMP_DIR on demand and clears what a killed process left in it."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(folder)
        super().new_file(*args, **kwargs)


def sweep(folder: Path) -> None:
    """Remove files that nobody has written to for ABANDONED_SECONDS."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its request ended just now
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
