"""The bad files that are packed, and those of which one line or one page is far too large."""

import gzip
import io
import os
import random
import struct
import zipfile
import zlib
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.upload_faults_files import HEAD, Bad, csv, raw, row, rows

QUICK = bool(os.environ.get("QUICK"))
MEBI = 1 << 20
# What the bombs unpack to, if nobody stopped them.
BOMB = (96 if QUICK else 4_000) * MEBI
PAGE = (260 if QUICK else 600) * MEBI
LONG_LINE = (24 if QUICK else 1_024) * MEBI
OFFICE = "[Content_Types].xml"


def zipped(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def locked(content: bytes) -> bytes:
    """A zip file under a password, as PKZIP locks them (APPNOTE.TXT 6.1): zipfile cannot."""
    made = bytearray(zipped(("export.csv", content)))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = made.index(magic) + place
        flags = struct.unpack_from("<H", made, at)[0]
        struct.pack_into("<H", made, at, flags | 1)
    start = 30 + len("export.csv")
    end = made.index(b"PK\x01\x02")
    made[start:end] = random.Random(1).randbytes(end - start)
    return bytes(made)


def gzip_bomb() -> bytes:
    """Zeros, packed a block at a time: the bomb is nowhere whole, not even here."""
    pack, block = zlib.compressobj(1, wbits=31), b"0" * (16 * MEBI)
    head = (",".join(HEAD) + "\n").encode()
    parts = [pack.compress(head), *(pack.compress(block) for _ in range(BOMB // len(block)))]
    return b"".join(parts) + pack.flush()


def zip_bomb() -> bytes:
    made, block = io.BytesIO(), b"0" * (16 * MEBI)
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("export.csv", "w", force_zip64=True) as file,
    ):
        for _ in range(BOMB // len(block)):
            file.write(block)
    return made.getvalue()


def zstd_bomb() -> bytes:
    sink, block = pa.BufferOutputStream(), b"0" * (16 * MEBI)
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for _ in range(BOMB // len(block)):
            stream.write(block)
    return bytes(sink.getvalue())


def parquet_bomb() -> bytes:
    """One page of long texts, no two of them alike: what it unpacks to stands nowhere."""
    count = PAGE // MEBI
    texts = [f"{number:08d}" + "x" * MEBI for number in range(count)]
    alike = {name: ["1"] * count for name in HEAD[1:]}
    made = io.BytesIO()
    one_page = {"use_dictionary": False, "write_statistics": False, "data_page_size": 4 << 30}
    one_page = {"use_dictionary": False, "write_statistics": False, "data_page_size": 4 << 30}
    pq.write_table(pa.table({"user_id": texts, **alike}), made, compression="zstd", **one_page)
    return made.getvalue()


def long_line(before: bytes, after: bytes) -> bytes:
    """One line of LONG_LINE bytes between two texts, packed: its letters repeat too little for a
    bomb, and no more of it than a block is here at once."""
    pack, chance = zlib.compressobj(1, wbits=31), random.Random(2)
    block = b"".join(chance.randbytes(512).hex().encode() * 32 for _ in range(128))
    parts = [pack.compress(before)]
    parts += (pack.compress(block) for _ in range(LONG_LINE // len(block)))
    return b"".join(parts) + pack.compress(after) + pack.flush()


def json_line(number: int, tag: str) -> bytes:
    cells = ", ".join(f'"{name}": "{cell}"' for name, cell in row(number, tag).items())
    return f"{{{cells}}}\n".encode()


def parquet(tag: str, count: int = 10) -> bytes:
    found, made = rows(tag, count), io.BytesIO()
    pq.write_table(pa.table({name: [one[name] for one in found] for name in HEAD}), made)
    return made.getvalue()


def spool_filler(count: int) -> bytes:
    """A Parquet file in gzip that is small as long as it is packed."""
    start, made = datetime(2026, 6, 1, tzinfo=UTC), io.BytesIO()
    columns = {
        "user_id": [f"u{number % 10}" for number in range(count)],
        "item_id": [f"spo-{number % 50}" for number in range(count)],
        "type": ["view"] * count,
        "occurred_at": [start + timedelta(seconds=number) for number in range(count)],
        "note": ["x" * 50] * count,
    }
    pq.write_table(pa.table(columns), made, compression="none", use_dictionary=False)
    return gzip.compress(made.getvalue(), 1)


BOMBS = (
    Bad("a gzip bomb", lambda: (gzip_bomb(), 0), "archive_too_large", name="export.csv.gz"),
    Bad("a zip bomb", lambda: (zip_bomb(), 0), "archive_too_large", name="export.zip"),
    Bad("a zstd bomb", lambda: (zstd_bomb(), 0), "archive_too_large", name="export.csv.zst"),
    Bad("a Parquet bomb", lambda: (parquet_bomb(), 0), "unpacks_too_large",
        name="export.parquet"),
    Bad(f"{LONG_LINE >> 20} MB on one line of CSV, packed",
        lambda: (long_line(csv(rows("lon", 3)).encode(), b"\n"), 4), "row_too_long",
        name="export.csv.gz", broken=True),
    Bad(f"{LONG_LINE >> 20} MB on one line of JSON Lines, packed",
        lambda: (long_line(json_line(0, "ljs") + b'{"note": "', b'"}\n' + json_line(1, "ljs")), 3),
        name="export.jsonl.gz", ends={"accepted": 2, "cell_too_long": 1}),
)  # fmt: skip

PACKED = (
    raw("gzip that breaks off", "trg", lambda t: gzip.compress(t.encode() * 200)[:-400], 0,
        code="truncated_archive", name="export.csv.gz"),
    raw("gzip that is damaged within", "dmg",
        lambda t: gzip.compress(t.encode())[:-8] + b"\0" * 8, 0, code="damaged_archive",
        name="export.csv.gz"),
    raw("a zip file under a password", "pwd", lambda t: locked(t.encode()), 0,
        code="locked_archive", name="export.zip"),
    raw("a zip file in a zip file", "nes",
        lambda t: zipped(("inner.zip", zipped(("export.csv", t.encode())))), 0,
        code="packed_twice", name="export.zip"),
    raw("an empty zip file", "emz", lambda t: zipped(), 0, code="archive_files",
        name="export.zip"),
    raw("a zip file of two files", "two",
        lambda t: zipped(("a.csv", t.encode()), ("b.csv", t.encode())), 0, code="archive_files",
        name="export.zip"),
    raw("an Excel workbook named .csv", "xlsx",
        lambda t: zipped((OFFICE, b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")), 0,
        code="unsupported_file"),
    raw("Parquet named .csv", "lie", lambda t: parquet("lie"), 10, ends={"accepted": 10}),
    raw("CSV in gzip named .parquet", "lyz", lambda t: gzip.compress(t.encode()), 10,
        ends={"accepted": 10}, name="export.parquet"),
    raw("Parquet without its end", "tpq", lambda t: parquet("tpq", 500)[:-100], 0,
        code="truncated_parquet", name="export.parquet"),
)  # fmt: skip
