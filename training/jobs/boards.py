"""A job's TensorBoard files as one zip, made while it is sent. They hold steps and figures."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tenants.errors import Conflict
from training.jobs.beginning import folder_of
from training.jobs.models import Job

FOLDER = "tensorboard"
PIECE = 64 * 1024  # bytes read at once


def files_of(job: Job) -> list[Path]:
    """The files that there are, one for each attempt; [] before the first and once destroyed."""
    folder = folder_of(job.tenant_id, job.id) / FOLDER
    return sorted(path for path in folder.glob("events.out.tfevents.*") if path.is_file())


def download(job: Job) -> Iterator[bytes]:
    """The zip, piece by piece; it may be read outside the scope. Conflict no_curves."""
    files = files_of(job)
    if not files:
        raise Conflict(
            "no_curves", "This job has no curves: it has not run yet, or its data are destroyed."
        )
    return _zipped(files, job.public_id)


def _zipped(files: list[Path], folder: str) -> Iterator[bytes]:
    """Each file under `folder`, as far as it is written by now."""
    sent = _Outgoing()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            with archive.open(f"{folder}/{path.name}", "w") as member, path.open("rb") as file:
                while piece := file.read(PIECE):
                    member.write(piece)
                    yield sent.taken()
    yield sent.taken()


class _Outgoing(io.RawIOBase):
    """What the archive has written and nobody has taken yet; it cannot be sought in."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """Everything since the last time."""
        piece, self._held = bytes(self._held), bytearray()
        return piece
