"""Turn raw byte cells into text, and say which rows hold bytes that are no text or too long."""

import polars as pl

from tenants.behaviour.reading.encodings import BAD


def as_text(frame: pl.DataFrame, cell_bytes: int) -> tuple[pl.DataFrame, pl.Series]:
    """Decode every Binary column as UTF-8.

    Returns the frame with String columns and, per row, null or the code cell_too_long or
    bad_encoding. A cell at fault becomes null.
    """
    faults = pl.Series("faults", [None] * frame.height, dtype=pl.String)
    for column in frame.get_columns():
        if column.dtype != pl.Binary:
            continue
        too_long = (column.bin.size() > cell_bytes).fill_null(False)
        short = column.set(too_long, None) if too_long.any() else column
        text = decode(short)
        broken = (text.is_null() & short.is_not_null()) | marks_bad(text)
        faults = marked(marked(faults, too_long, "cell_too_long"), broken, "bad_encoding")
        frame = frame.with_columns(text)
    return frame, faults


def marks_bad(text: pl.Series) -> pl.Series:
    """Which cells hold bytes that the file's encoding could not read."""
    return text.str.contains(BAD, literal=True).fill_null(False)


def marked(faults: pl.Series, rows: pl.Series, code: str) -> pl.Series:
    """Faults with `code` where `rows` is true and nothing worse is known yet."""
    fresh = rows & faults.is_null()
    return faults.set(fresh, code) if fresh.any() else faults


def decode(column: pl.Series) -> pl.Series:
    """Binary to String with null for cells that are not UTF-8."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:
        # One bad cell fails the whole cast; only such batches pay for cell by cell.
        cells = [None if cell is None else decode_cell(cell) for cell in column]
        return pl.Series(column.name, cells, dtype=pl.String)


def decode_cell(cell: bytes) -> str | None:
    """One cell, or None where its bytes are not UTF-8."""
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return None
