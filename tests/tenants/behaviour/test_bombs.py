"""Files that unpack to far more than they are: refused within bounds, and nobody else notices."""

import gzip
import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenants.behaviour.reading import apart
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused
from tenants.work.run import run_waiting
from tests.tenants.behaviour.behaviour_files import parquet_file
from tests.tenants.behaviour.uploads import accept, agree, events, fresh

MEBI = 1 << 20


def bomb(megabytes: int) -> bytes:
    """A small file of one page that unpacks to so much: long texts, no two of them alike."""
    out = io.BytesIO()
    texts = [f"{number:08d}" + "x" * MEBI for number in range(megabytes)]
    table = pa.table({"user_id": texts, "item_id": ["i"] * megabytes})
    pq.write_table(table, out, compression="zstd", use_dictionary=False, write_statistics=False,
                   data_page_size=4 << 30)  # fmt: skip
    return out.getvalue()


# A process that has read nothing before, so that its peak and its child's are this file's.
FRESH = """
import resource, sys
from pathlib import Path
from tenants.behaviour.reading import apart
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.reading.tables import Limits
apart.MEMORY_BYTES = int(sys.argv[2])
table = open_table(Path(sys.argv[1]).open("rb"), apart=True, limits=Limits(unpacked_bytes=1 << 40))
try:
    list(table.batches(["user_id"]))
except UploadRefused as refused:
    code = refused.code
# Not `ru_maxrss` of itself: that of whoever started it is counted in.
lines = Path("/proc/self/status").read_text().splitlines()
own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(code, own // 1024, child // 1024)
"""


PACKED_FRESH = """
import sys
from pathlib import Path
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.refusals import UploadRefused
try:
    open_table(Path(sys.argv[1]).open("rb"))
except UploadRefused as refused:
    code = refused.code
lines = Path("/proc/self/status").read_text().splitlines()
print(code, next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024)
"""


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(apart, "MEMORY_BYTES", 100 * MEBI)


@pytest.fixture(scope="module")
def large() -> bytes:
    made = bomb(500)
    assert len(made) < MEBI
    return made


def test_s38_a_parquet_bomb_fails_within_the_memory_cap(large, tmp_path):
    """ASVS 5.0, 5.2.3: the limit of what unfolds is lifted here; the cap alone holds."""
    path = tmp_path / "bomb.parquet"
    path.write_bytes(large)
    words = [sys.executable, "-c", FRESH, str(path), str(100 * MEBI)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    code, own, child = done.stdout.split()
    assert code == "unpacks_too_large"
    assert int(own) < 400 and int(child) < 400 + 100  # MiB; the libraries alone take some 200


def test_s38_without_the_cap_the_limit_of_what_unfolds_refuses_it(large):
    """ASVS 5.0, 5.2.3."""
    table = open_table(large, apart=True)
    with pytest.raises(UploadRefused) as caught:
        list(table.batches(["user_id"]))
    assert caught.value.code == "unpacks_too_large"


def test_s38_a_bomb_of_one_tenant_leaves_the_other_alone(
    alice, bob, settings, tmp_path, little_memory, large
):
    """ASVS 5.0, 5.2.3: the same worker goes on with the next tenant's file."""
    settings.UPLOAD_ROOT = tmp_path
    agree(bob, "u1")
    bombs = accept(alice, large)
    sound = accept(bob, events(("u1", "i1", "01")))
    run_waiting("default")
    with alice.scope:
        bombs = fresh(alice, bombs)
    assert (bombs.state, bombs.report) == ("failed", {}) and bombs.error["code"]
    assert (fresh(bob, sound).state, fresh(bob, sound).report["accepted"]) == ("done", 1)


PACKED = {
    "gzip": lambda content: gzip.compress(content, 1),
    "zstd": lambda content: pa.compress(content, "zstd", asbytes=True),
    "zip": lambda content: packed_in_zip(content),
}


def packed_in_zip(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.csv", content)
    return made.getvalue()


@pytest.mark.parametrize("packing", PACKED)
def test_s38_an_archive_that_unpacks_to_far_more_than_it_is_ends_within_bounds(packing, tmp_path):
    """ASVS 5.0, 5.2.3: its ratio is seen while it is unpacked, a megabyte at a time."""
    made = PACKED[packing](b"user_id,item_id\n" + b"0" * 300 * MEBI)
    assert len(made) < 3 * MEBI
    path = tmp_path / "bomb"
    path.write_bytes(made)
    done = subprocess.run(
        [sys.executable, "-c", PACKED_FRESH, str(path)], capture_output=True, text=True, check=True
    )
    code, peak = done.stdout.split()
    assert code == "archive_too_large"
    assert int(peak) < 400  # MiB; the libraries alone take some 200


@pytest.mark.parametrize("packing", PACKED)
def test_s38_an_archive_may_unpack_to_so_many_bytes_and_no_more(packing):
    """ASVS 5.0, 5.2.3."""
    made = PACKED[packing](b"user_id,item_id\n" + b"u1,i1\n" * 1000)
    assert open_table(made, limits=Limits(file_bytes=6016)).columns == ("user_id", "item_id")
    with pytest.raises(UploadRefused) as caught:
        open_table(made, limits=Limits(file_bytes=6015))
    assert (caught.value.code, caught.value.params) == ("archive_too_large", {"most": 6015})


def test_s38_a_list_of_files_in_an_archive_has_a_bound():
    """ASVS 5.0, 5.2.3: it is read into memory whole."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:020d}", b"")
    with pytest.raises(UploadRefused) as caught:
        open_table(made.getvalue())
    assert caught.value.code == "damaged_archive"


def test_a_bomb_in_an_upload_is_refused_and_leaves_nothing(alice, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    upload = accept(alice, PACKED["zstd"](b"user_id,item_id,type,occurred_at\n" + b"0" * 80 * MEBI))
    run_waiting("default")
    with alice.scope:
        upload = fresh(alice, upload)
    assert (upload.state, upload.error["code"]) == ("failed", "archive_too_large")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_read_apart_is_what_is_read_here():
    content = parquet_file({"a": [1.5, None, 3.0], "b": ["x", None, "é"], "c": [1, 2, 3]})
    here, apart = open_table(content), open_table(content, apart=True)
    assert (here.columns, here.details) == (apart.columns, apart.details)
    limits = Limits(batch_rows=2)
    for one, other in zip(
        open_table(content, limits=limits).batches(("b", "a")),
        open_table(content, limits=limits, apart=True).batches(("b", "a")),
        strict=True,
    ):
        assert one.frame.equals(other.frame) and one.frame.schema == other.frame.schema
        assert one.rows.equals(other.rows) and one.faults.equals(other.faults, null_equal=True)


def test_a_refusal_apart_is_the_refusal_with_its_params():
    content = parquet_file({"a": pl.Series([[1], [2]])})
    with pytest.raises(UploadRefused) as caught:
        list(open_table(content, apart=True).batches(("a",)))
    assert caught.value.code == "unsupported_column"
    assert caught.value.params["column"] == "a"


def test_a_process_that_ends_before_its_order_is_a_refusal(monkeypatch):
    """The order is longer than a pipe holds, so that whoever writes it sees the end."""
    table = open_table(parquet_file({"a": [1]}), apart=True)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(UploadRefused) as caught:
        list(table.batches(["a" * MEBI]))
    assert caught.value.code == "unpacks_too_large"


@pytest.mark.parametrize("kind", [apart.BATCH, apart.REFUSED])
@pytest.mark.parametrize("size", [0, 3, 20])
def test_a_process_that_ends_within_an_answer_is_a_refusal(kind, size):
    answer = kind + (100).to_bytes(8, "big") + b"x" * size
    with pytest.raises(UploadRefused) as caught:
        list(apart._read(io.BytesIO(answer), io.BytesIO(), open_table(parquet_file({"a": [1]}))))
    assert caught.value.code == "unpacks_too_large"


def test_who_stops_reading_leaves_no_process_behind():
    content = parquet_file({"a": range(10)})
    reading = open_table(content, apart=True, limits=Limits(batch_rows=2)).batches(("a",))
    assert next(reading).frame.height == 2
    assert len(readers()) == 1
    reading.close()
    assert readers() == []


def readers() -> list[str]:
    """The processes of ours that unpack a file."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    names = (Path("/proc", child, "cmdline").read_bytes() for child in children)
    return [name.decode() for name in names if b"reading.apart" in name]
