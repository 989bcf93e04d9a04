"""Opening files by content, and numbering their rows."""

import codecs
import io

import pytest
from behaviour_files import SMALL, parquet_file, read, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.reading.opening import FOREIGN, open_table
from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_detected(delimiter):
    data = f"a{delimiter}b\n1{delimiter}x\n2{delimiter}y\n".encode()
    table = open_table(data)
    assert (table.columns, table.details["delimiter"]) == (("a", "b"), delimiter)
    assert read(data) == [(1, None, "1", "x"), (2, None, "2", "y")]


def test_commas_in_prices_do_not_hide_a_semicolon():
    data = b"id;price;title\n1;2,50;a, b, c\n2;3,75;d, e, f\n"
    assert open_table(data).columns == ("id", "price", "title")


def test_a_wrong_delimiter_leaves_one_heading():
    assert open_table(b"a,b\n1,2\n", delimiter=";").columns == ("a,b",)


def test_an_impossible_delimiter_is_refused():
    assert refusal(b"a,b\n1,2\n", delimiter="x") == "bad_delimiter"


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("cp1252", b""),
    ],
)
def test_western_text_is_read_in_its_encoding(encoding, mark):
    data = mark + "id,title\n1,Café £5\n2,Crème brûlée\n".encode(encoding)
    assert open_table(data).details["encoding"] == encoding
    assert open_table(data).columns == ("id", "title")
    assert [cells[2:] for cells in read(data)] == [("1", "Café £5"), ("2", "Crème brûlée")]


def test_chinese_legacy_text_is_read():
    data = "编号,标题\n1,红色连衣裙\n2,蓝色衬衫\n".encode("gb18030")
    assert open_table(data).details["encoding"] == "gb18030"
    assert [cells[3] for cells in read(data)] == ["红色连衣裙", "蓝色衬衫"]


def test_letters_that_fit_no_known_encoding_are_refused_unless_named():
    data = "id,title\n1,Красное платье\n2,Синяя рубашка\n".encode("cp1251")
    assert refusal(data) == "unknown_encoding"
    assert read(data, encoding="windows-1251")[0] == (1, None, "1", "Красное платье")


@pytest.mark.parametrize("name", ["no-such", "rot13", "base64", "unicode_escape", "idna"])
def test_only_text_encodings_may_be_named(name):
    assert refusal(b"a,b\n1,2\n", encoding=name) == "bad_encoding_name"


def test_rows_in_another_encoding_are_marked_and_the_others_read():
    lines = ["id,title", *(f"{row},Crème {row}" for row in range(1, 9))]
    data = "\n".join(lines).encode() + b"\n9,Caf\xe9\n10,fine\n"
    rows = read(data)
    assert rows[8] == (9, "bad_encoding", "9", "Caf\ufdd0")
    assert [row[1] for row in rows] == [None] * 8 + ["bad_encoding", None]


def test_a_broken_row_in_another_encoding_does_not_lose_its_neighbours():
    data = b"a,b\n" + b"1,2\n" * 200 + b"\xc1\x81,1,2,3\n1,2\n"
    rows = read(data)
    assert [row[0] for row in rows] == list(range(1, 203))
    assert [row[0] for row in rows if row[1] == "unparseable"] == [201]


def test_rows_of_another_width_are_marked_in_their_place():
    rows = read(b"a,b\n1,x\n2\n\n3,y,z\n4,w\n")
    assert rows == [
        (1, None, "1", "x"),
        (2, "unparseable", None, None),
        (3, "unparseable", None, None),
        (4, None, "4", "w"),
    ]


def test_a_file_of_broken_rows_only_is_numbered():
    assert read(b"a,b\n1\n2\n") == [(1, "unparseable", None, None), (2, "unparseable", None, None)]


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks():
    data = b'a,b\n"1,5","say ""hi"""\n2,"two\nlines"\n3,7" record\n'
    assert read(data) == [
        (1, None, "1,5", 'say "hi"'),
        (2, None, "2", "two\nlines"),
        (3, None, "3", '7" record'),
    ]


def test_a_quotation_mark_never_closed_is_marked_where_it_swallows_the_rest():
    rows = read(b'a,b\n1,x\n2,"open\n3,y\n4,z\n')
    assert rows == [(1, None, "1", "x"), (2, "unclosed_quote", "2", "open\n3,y\n4,z\n")]


def test_it_is_marked_too_where_what_it_swallows_leaves_the_row_too_short():
    """Its sender is told that the rest was read as part of it, not that cells are missing."""
    rows = read(b'a,b\n1,x\n"2,open\n3,y\n4,z\n')
    assert [row[:2] for row in rows] == [(1, None), (2, "unclosed_quote")]
    rows = read(b'a,b\n1,"two\nlines"\n"2,open\n3,y\n')
    assert [row[:2] for row in rows] == [(1, None), (2, "unclosed_quote")]
    assert [row[1] for row in read(b'a,b\n1,"x\ny",z\n2,7" disc\n')] == ["unparseable", None]


def test_inch_marks_do_not_count_as_open_quotes():
    assert read(b'a,b\n1,7" record\n2,"two\nlines",\n3,x\n')[2] == (3, None, "3", "x")
    assert read(b'a,b\n1,7" record\n2,x\n')[1] == (2, None, "2", "x")


def test_old_line_ends_and_a_missing_last_one_are_read():
    assert [row[2:] for row in read(b"a,b\r1,x\r2,y")] == [("1", "x"), ("2", "y")]
    assert [row[2:] for row in read(b"a,b\r\n1,x\r\n2,y")] == [("1", "x"), ("2", "y")]


def test_blank_lines_before_the_headings_are_passed_over():
    table = open_table(b"\n\na,b\n1,2\n")
    assert (table.columns, table.details["header_line"]) == (("a", "b"), 3)


def test_blank_headings_are_named_by_their_place():
    assert open_table(b"a,,\n1,2,3\n").columns == ("a", "column 2", "column 3")


def test_only_the_columns_asked_for_are_handed_on():
    assert read(b"a,b,c\n1,2,3\n", ["c", "a"]) == [(1, None, "3", "1")]


def test_long_cells_are_marked():
    rows = read(b"a,b\n1," + b"x" * 201 + b"\n2,y\n", limits=SMALL)
    assert rows == [(1, "cell_too_long", "1", None), (2, None, "2", "y")]


def test_a_row_longer_than_a_batch_is_refused():
    assert refusal(b"a,b\n1," + b"x" * 5_000 + b"\n2,y\n", limits=SMALL) == "row_too_long"
    assert refusal(b"a," * 200_000, limits=SMALL) == "row_too_long"
    assert refusal(b"x" * 2_000_000, limits=SMALL) == "bad_header"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n", "empty_file"),
        (b"\n \n", "no_rows"),
        (b"a,b\n", "no_rows"),
        (b"a,b\n\n\n", "no_rows"),
        (b"a,b,a\n1,2,3\n", "duplicate_columns"),
        (b'a,"b\n1,2\n', "bad_header"),
        (b"a\x00,b\n1,2\n", "bad_header"),
        (",".join(f"c{n}" for n in range(10_000)).encode() + b"\n1\n", "too_many_columns"),
        (bytes(range(256)) * 8, "unknown_encoding"),
        (b"\x00\x00\x01\x02\x03" * 100, "binary_file"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_files_without_a_table_are_refused(data, code):
    assert refusal(data) == code


@pytest.mark.parametrize(("magic", "name"), FOREIGN, ids=[name for _, name in FOREIGN])
def test_other_formats_are_refused_by_name(magic, name):
    with pytest.raises(UploadRefused) as caught:
        open_table(magic + b" something")
    assert (caught.value.code, caught.value.params) == ("unsupported_file", {"format": name})


def test_too_many_rows_are_refused_even_when_none_can_be_read():
    limits = Limits(rows=10)
    assert len(read(b"a,b\n" + b"1,2\n" * 10, limits=limits)) == 10
    assert refusal(b"a,b\n" + b"1,2\n" * 11, limits=limits) == "too_many_rows"
    assert refusal(b"a,b\n" + b"1\n" * 11, limits=limits) == "too_many_rows"
    assert refusal(parquet_file({"a": range(11)}), limits=limits) == "too_many_rows"


class FailingDisk(io.BytesIO):
    """A file whose disk fails after some reads."""

    def __init__(self, data, sound):
        super().__init__(data)
        self.left = sound

    def read(self, size=-1):
        self.left -= 1
        if self.left < 0:
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize(
    ("data", "sound"),
    [
        (b"a,b\n" + b"1,2\n" * 900_000, 5),
        (b"a,b\n" + b"1,2\n" * 900_000, 9),
        (parquet_file({"a": range(200_000)}, row_group_size=9_000), 2),
        (parquet_file({"a": range(200_000)}, row_group_size=9_000), 4),
    ],
    ids=["csv headings", "csv rows", "parquet footer", "parquet rows"],
)
def test_a_failing_disk_is_not_blamed_on_the_file(data, sound):
    with pytest.raises(OSError, match="Input/output error"):
        read(FailingDisk(data, sound))


def test_a_table_can_be_read_twice():
    table = open_table(b"a,b\n1,2\n3,4\n")
    assert [list(batch.rows) for batch in table.batches(["a"])] == [[1, 2]]
    assert [list(batch.rows) for batch in table.batches(["b"])] == [[1, 2]]


def test_headings_that_look_like_values_are_not_repeated_in_a_refusal():
    with pytest.raises(UploadRefused) as caught:
        open_table(b"ann@shop.test,ann@shop.test,x\n1,2,3\n")
    assert "ann" not in caught.value.message


CELLS = st.text(alphabet='ab1é",;\n\r\t\x00 ', max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=30))
def test_every_row_of_any_csv_text_gets_one_number(records):
    text = "a,b\n" + "\n".join(",".join(record) for record in records)
    try:
        rows = [row[0] for row in read(text.encode(), limits=SMALL, delimiter=",")]
    except UploadRefused:
        return
    assert rows == list(range(1, len(rows) + 1))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PAR1", b"a,b\n"]))
def test_any_bytes_are_read_or_refused(data, start):
    try:
        rows = [row[0] for row in read(start + data)]
    except UploadRefused as refused:
        assert refused.code
    else:
        assert rows == list(range(1, len(rows) + 1))
