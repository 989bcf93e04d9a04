"""Why a whole file is refused: one sentence per code, each saying what to do. Words only.

The sentences are marked for translation here and translated in `wording`.
"""

import re
from collections.abc import Mapping, Sequence

from tenants.errors import AppError

SHOWN_COLUMNS = 40
SHOWN_LETTERS = 60
MIB = 1 << 20


def gettext_noop(sentence: str) -> str:
    """Mark a sentence for the translators without translating it."""
    return sentence


REFUSALS = {
    "empty_file": gettext_noop("The file is empty. Export it again and upload the new file."),
    "no_rows": gettext_noop("The file has headings but no rows. Check the export's date range."),
    "unsupported_file": gettext_noop(
        "This looks like %(format)s. Upload a CSV, JSON Lines or Parquet file instead."
    ),
    "binary_file": gettext_noop(
        "This is not a text file and not Parquet. Upload a CSV, JSON Lines or Parquet file."
    ),
    "unknown_encoding": gettext_noop(
        "The letters in this file could not be recognised. Save it as UTF-8, or name its encoding."
    ),
    "bad_encoding_name": gettext_noop(
        "'%(encoding)s' is not a known encoding. Use a name such as utf-8, cp1252 or gb18030."
    ),
    "bad_delimiter": gettext_noop(
        "'%(delimiter)s' cannot separate columns. Use a comma, semicolon, tab or vertical bar."
    ),
    "bad_header": gettext_noop(
        "The first line cannot be read as column headings. Check its quotation marks."
    ),
    "duplicate_columns": gettext_noop(
        "Two columns have the same heading: %(columns)s. Rename or remove one of each."
    ),
    "too_many_columns": gettext_noop(
        "The file has %(count)s columns, the most is %(most)s. Remove the columns you do not need."
    ),
    "too_many_rows": gettext_noop(
        "The file has more than %(most)s rows. Split it and upload the parts one after another."
    ),
    "too_many_broken": gettext_noop(
        "From row %(row)s on more than %(most)s rows have another number of cells than there are "
        "headings. Check the delimiter and the first line."
    ),
    "row_too_long": gettext_noop(
        "A row after row %(row)s is longer than %(most_mib)s MiB, or a quotation mark in it is "
        "never closed. Repair that row and upload the file again."
    ),
    "not_json_lines": gettext_noop(
        "This is JSON, but not one object per line. Write it as JSON Lines, each record on a line "
        "of its own, without brackets and commas around them."
    ),
    "truncated_archive": gettext_noop(
        "The archive breaks off after %(bytes)s unpacked bytes. Nothing of it was stored. Pack it "
        "again and upload the new file."
    ),
    "damaged_archive": gettext_noop(
        "The archive cannot be unpacked: it is damaged. Nothing of it was stored. Pack it again "
        "and upload the new file."
    ),
    "archive_too_large": gettext_noop(
        "The archive unpacks to more than %(most_mib)s MiB. Upload the file without packing it, or "
        "split it and upload the parts one after another."
    ),
    "archive_files": gettext_noop(
        "The archive holds %(count)s files. Pack exactly one CSV, JSON Lines or Parquet file."
    ),
    "locked_archive": gettext_noop(
        "The archive is locked with a password. Pack the file without one."
    ),
    "unsupported_archive": gettext_noop(
        "The archive is packed in a way that cannot be read. Pack it as an ordinary zip file, or "
        "with gzip or zstd."
    ),
    "packed_twice": gettext_noop(
        "The archive holds another archive. Pack the CSV, JSON Lines or Parquet file itself."
    ),
    "truncated_parquet": gettext_noop(
        "The end of this Parquet file is missing. Upload it again from the start."
    ),
    "encrypted_parquet": gettext_noop("This Parquet file is encrypted. Upload it unencrypted."),
    "damaged_file": gettext_noop(
        "The file cannot be read after row %(row)s: it is damaged, or packed in a way we do not "
        "know. Export it again and upload the new file."
    ),
    "unpacks_too_large": gettext_noop(
        "Rows from row %(row)s on unpack to more than %(most_mib)s MiB at once. Write the file "
        "with smaller row groups and shorter texts."
    ),
    "unsupported_column": gettext_noop(
        "The column '%(column)s' holds %(type)s, which cannot be read. Export it as text, "
        "number or time."
    ),
    "inexact_ids": gettext_noop(
        "The column '%(column)s' holds ids as decimal numbers too large to be exact. Export it "
        "as text."
    ),
    "missing_columns": gettext_noop(
        "No column was found for: %(missing)s. The file has: %(found)s. Say which column is which."
    ),
    "one_column": gettext_noop(
        "The first line was read as one heading: %(found)s. Its columns are separated in another "
        "way. Name that delimiter, or none at all: then it is found out."
    ),
    "unknown_field": gettext_noop(
        "'%(field)s' is not a field of this kind of upload. The fields are: %(fields)s."
    ),
    "column_not_found": gettext_noop(
        "The column '%(column)s', named for %(field)s, is not in the file. The file has: %(found)s."
    ),
    "too_much_context": gettext_noop(
        "%(count)s context keys are named, the most is %(most)s. Leave out what you do not need."
    ),
    "too_many_attributes": gettext_noop(
        "%(count)s columns are kept as attributes, the most is %(most)s. Leave some out."
    ),
    "context_of_persons": gettext_noop(
        "The context key '%(key)s' has more than %(most)s different values, so it tells of single "
        "people. Leave it out, or send groups such as a country."
    ),
    "crashed": gettext_noop("Processing stopped several times. Upload the file again."),
    "bad_source": gettext_noop(
        "This is no address that can be fetched. Write one that begins with one of %(known)s and "
        "names one file, without a user, a password or a port of its own."
    ),
    "source_private": gettext_noop(
        "This address does not lead to a public host. Upload the file itself, or name a public one."
    ),
    "source_not_here": gettext_noop(
        "This installation cannot open such addresses. Its operator can install %(package)s; else "
        "name a signed https:// address, or upload the file."
    ),
    "bad_credentials": gettext_noop(
        "These credentials do not belong to such an address. It takes: %(known)s."
    ),
    "source_not_found": gettext_noop(
        "There is no file at this address. Check its spelling and upload again."
    ),
    "source_denied": gettext_noop(
        "The store does not let us read this file. Give credentials that may, or a signed address "
        "that is still valid."
    ),
    "source_moved": gettext_noop(
        "This address only points to another one, and none is followed. Name the file's own."
    ),
    "source_unreachable": gettext_noop(
        "The store did not answer or broke off, three times. Try again later, or upload the file."
    ),
    "source_too_large": gettext_noop(
        "The file at this address is larger than %(most_mib)s MiB. Split it and fetch the pieces."
    ),
    "source_no_room": gettext_noop(
        "There is no room for the file at this address. Wait until earlier uploads are processed, "
        "or ask the installation's operator for more."
    ),
    "hash_differs": gettext_noop(
        "What arrived is not the file whose SHA-256 was named. Nothing of it was stored. Upload it "
        "again."
    ),
    "waits_for_room": gettext_noop(
        "The disk of this installation is full, so this file waits. It goes on by itself once "
        "there is room: ask whoever runs the installation to make some."
    ),
    "upload_expired": gettext_noop(
        "Nothing came of this upload for a day, so its parts were deleted. Upload the file again."
    ),
    "mapping_expired": gettext_noop(
        "Nobody said for a day how this file is to be read, so it was deleted. Upload it again."
    ),
    "upload_cancelled": gettext_noop(
        "The upload was given up before it was complete. Nothing of it was stored."
    ),
    "file_gone": gettext_noop("The stored file is gone. Upload it again."),
    "file_altered": gettext_noop("The stored file was altered. Upload it again."),
    "unknown_kind": gettext_noop("'%(kind)s' cannot be uploaded. Choose one of: %(kinds)s."),
    "bad_option": gettext_noop("The option %(option)s cannot be '%(given)s'. %(allowed)s"),
}


class UploadRefused(AppError):
    """The file cannot be taken: nothing of it, or nothing beyond the rows that were stored before
    and stand in its report.

    `code` is a key of REFUSALS and `params` fills its sentence; `message` is the English wording.
    """

    def __init__(self, code: str, *, param: str | None = "file", **params: object) -> None:
        super().__init__(code, REFUSALS[code] % figures(params), param=param, params=params)


def figures(params: Mapping[str, object]) -> dict[str, object]:
    """The params as a sentence takes them: a bound also in MiB."""
    most = params.get("most")
    return {**params, **({"most_mib": f"{most / MIB:,.0f}"} if isinstance(most, int) else {})}


def shown(columns: Sequence[str]) -> str:
    """The first headings, shortened, for a message.

    A file without headings brings a person's row in their place: what looks like a value is
    not repeated, because refusals are stored.
    """
    names = [
        f"({place})" if re.search(r"@|\d{4}", name) else name[:SHOWN_LETTERS]
        for place, name in enumerate(columns[:SHOWN_COLUMNS], start=1)
    ]
    return ", ".join(names) + (", …" if len(columns) > SHOWN_COLUMNS else "")
