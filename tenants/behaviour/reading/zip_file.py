"""The one data file in a zip archive. Judges the archive by what it declares; unpacks nothing."""

import os
import struct
import zipfile
from typing import BinaryIO

from tenants.behaviour.refusals import UploadRefused

# The list of an archive's files is read into memory whole.
LIST_BYTES = 1 << 20
END, END64, FIND64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCKED = 1
OFFICE = "[Content_Types].xml"


def only_file(source: BinaryIO) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
    """The archive and its one file of data; what systems add of their own does not count.

    Raises UploadRefused truncated_archive, damaged_archive, archive_files, locked_archive,
    unsupported_archive, unsupported_file for an Excel workbook.
    """
    if _list_bytes(source) > LIST_BYTES:
        raise UploadRefused("damaged_archive")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, ValueError, struct.error, EOFError):
        raise UploadRefused("damaged_archive") from None
    if OFFICE in archive.namelist():
        raise UploadRefused("unsupported_file", format="an Excel workbook")
    files = [info for info in archive.infolist() if _is_data(info)]
    if len(files) != 1:
        raise UploadRefused("archive_files", count=len(files))
    if files[0].flag_bits & LOCKED:
        raise UploadRefused("locked_archive")
    if files[0].compress_type not in READ:
        raise UploadRefused("unsupported_archive")
    return archive, files[0]


def _is_data(info: zipfile.ZipInfo) -> bool:
    parts = info.filename.split("/")
    return not (info.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith("."))


def _list_bytes(source: BinaryIO) -> int:
    """How long the archive's list of files says that it is (APPNOTE.TXT 4.3.14 to 4.3.16)."""
    size = source.seek(0, os.SEEK_END)
    start = max(size - (1 << 16) - 22, 0)
    source.seek(start)
    tail = source.read()
    place = tail.rfind(END)
    if place < 0 or len(tail) < place + 22:
        raise UploadRefused("truncated_archive", bytes=0)
    length = int.from_bytes(tail[place + 12 : place + 16], "little")
    if length != 0xFFFFFFFF or tail[max(place - 20, 0) :][:4] != FIND64:
        return length
    source.seek(int.from_bytes(tail[place - 12 : place - 4], "little"))
    record = source.read(56)
    return int.from_bytes(record[40:48], "little") if record[:4] == END64 else LIST_BYTES + 1
