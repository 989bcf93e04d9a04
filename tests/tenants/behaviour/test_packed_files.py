"""Files in gzip, zstd and zip: read as if they were plain, or refused before their first row."""

import gzip
import io
import zipfile

import polars as pl
import pyarrow as pa
import pytest
from behaviour_files import parquet_file, read, refusal

from tenants.behaviour.models import Event
from tenants.behaviour.reading import packed
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused
from tests.tenants.behaviour.uploads import adds_up, agree, events, process

CSV = b"a,b\n" + b"".join(b"%d,x%d\n" % (n, n) for n in range(1, 3_001))
LINES = b"".join(b'{"a": %d, "b": "x%d"}\n' % (n, n) for n in range(1, 3_001))
PARQUET = parquet_file(
    {"a": [str(n) for n in range(1, 3_001)], "b": [f"x{n}" for n in range(1, 3_001)]}
)


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


PACKINGS = {
    "gzip": gzip.compress,
    "zstd": lambda content: pa.compress(content, "zstd", asbytes=True),
    "zip": lambda content: zipped(("data", content)),
}
FORMATS = {"csv": CSV, "json lines": LINES, "parquet": PARQUET}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_file_is_read_as_the_plain_one(packing, form):
    made = PACKINGS[packing](FORMATS[form])
    table = open_table(made)
    assert (table.details["format"], table.details["packing"]) == (form, packing)
    small = Limits(batch_bytes=1_000, batch_rows=500)
    assert read(made, limits=small) == read(FORMATS[form], limits=small)
    assert len(read(made)) == 3_000


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_packed_files_put_one_behind_the_other_are_one_file(packing):
    """As `cat` and some log shippers make them (RFC 1952 2.2, RFC 8878 3.1)."""
    pack = PACKINGS[packing]
    assert read(pack(CSV[:9_000]) + pack(CSV[9_000:])) == read(CSV)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("left", [30, 200, -4, -1])
def test_an_archive_that_breaks_off_is_refused_before_its_first_row(packing, left):
    made = PACKINGS[packing](CSV)
    with pytest.raises(UploadRefused) as caught:
        open_table(made[:left])
    assert caught.value.code in ("truncated_archive", "damaged_archive")
    assert packing == "zip" or caught.value.code == "truncated_archive"


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_an_altered_archive_is_refused_before_its_first_row(packing):
    """zstd has a check sum only where its writer puts one in, which pyarrow cannot."""
    made = bytearray(PACKINGS[packing](CSV))
    made[len(made) // 2] ^= 0xFF
    with pytest.raises(UploadRefused) as caught:
        open_table(bytes(made))
    assert caught.value.code in ("damaged_archive", "truncated_archive")


def test_garbage_behind_an_archive_is_not_read_over():
    assert refusal(gzip.compress(CSV) + b"and more") == "damaged_archive"


ARCHIVES = {
    "nothing": (zipped(), "archive_files"),
    "two files": (zipped(("a.csv", CSV), ("b.csv", CSV)), "archive_files"),
    "only a folder": (zipped(("folder/", b"")), "archive_files"),
    "a workbook": (zipped(("[Content_Types].xml", b"<"), ("xl/a.xml", b"")), "unsupported_file"),
    "another archive": (zipped(("a.csv.gz", gzip.compress(CSV))), "packed_twice"),
    "gzip twice": (gzip.compress(gzip.compress(CSV)), "packed_twice"),
    "bzip2 inside": (zipped(("a.csv", CSV), method=zipfile.ZIP_BZIP2), "unsupported_archive"),
    "a picture": (gzip.compress(b"%PDF-1.7"), "unsupported_file"),
    "an empty file": (gzip.compress(b""), "empty_file"),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_what_is_no_one_data_file_is_refused_by_name(what):
    content, code = ARCHIVES[what]
    assert refusal(content) == code


def test_what_systems_add_to_a_zip_of_their_own_does_not_count():
    made = zipped(
        ("shop/", b""), ("shop/events.csv", CSV), ("__MACOSX/shop/._events.csv", b"x"),
        ("shop/.DS_Store", b"x"),
    )  # fmt: skip
    assert read(made) == read(CSV)


def test_a_zip_that_is_stored_or_locked():
    assert read(zipped(("a.csv", CSV), method=zipfile.ZIP_STORED)) == read(CSV)
    made = bytearray(zipped(("a.csv", CSV)))
    place = made.rindex(b"PK\x01\x02")
    made[place + 8] |= 1
    assert refusal(bytes(made)) == "locked_archive"


def test_a_list_of_files_that_lies_about_its_length_is_refused():
    made = bytearray(zipped(("a.csv", CSV)))
    made[-10:-6] = b"\xff\xff\xff\x7f"
    assert refusal(bytes(made)) == "damaged_archive"


def test_a_packed_parquet_file_lies_sealed_and_nameless_meanwhile(tmp_path, monkeypatch):
    seen = []

    class Watched(packed.SealedWriter):
        def finish(self):
            super().finish()
            self._file.flush()
            seen.append((list(tmp_path.iterdir()), self._file.seek(0), self._file.read()))

    monkeypatch.setattr(packed, "SealedWriter", Watched)
    table = open_table(gzip.compress(PARQUET), spool=tmp_path)
    assert table.columns == ("a", "b")
    ((named, _, raw),) = seen
    assert named == [] and len(raw) > len(PARQUET) and PARQUET[:40] not in raw


def test_a_packed_parquet_file_has_a_bound_of_its_own():
    limits = Limits(spooled_bytes=1_000)
    assert refusal(gzip.compress(PARQUET), limits=limits) == "archive_too_large"


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_upload_goes_the_whole_way(packing, alice, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    agree(alice, "u1")
    content = PACKINGS[packing](events(("u1", "i1", "01"), ("u1", "i2", "02"), ("u2", "i1", "03")))
    upload = process(alice, content)
    assert (upload.state, upload.report["accepted"], adds_up(upload)) == ("done", 2, True)
    assert upload.report["details"]["packing"] == packing
    frame = pl.DataFrame({"user_id": ["u1"], "item_id": ["i9"], "type": ["view"],
                          "occurred_at": ["2026-03-09T10:00:00Z"]})  # fmt: skip
    out = io.BytesIO()
    frame.write_parquet(out)
    assert process(alice, PACKINGS[packing](out.getvalue())).report["accepted"] == 1
    with alice.scope:
        assert Event.objects.count() == 3
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_truncated_upload_stores_nothing_and_says_where_it_breaks_off(alice, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    agree(alice, "u1")
    rows = [("u1", f"i{n}", f"{1 + n % 28:02d}") for n in range(5_000)]
    upload = process(alice, gzip.compress(events(*rows))[:-500])
    assert (upload.state, upload.error["code"]) == ("failed", "truncated_archive")
    assert upload.error["params"]["bytes"] >= 0 and upload.report == {}
    with alice.scope:
        assert not Event.objects.exists()
