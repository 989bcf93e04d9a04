"""What an erased person would leave, as bytes, and the look for it through every file of a folder.

Knows no database: a needle is a name and the bytes that must not be anywhere.
"""

import base64
import mmap
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

Needles = Mapping[str, bytes]


def forms(external_id: str) -> dict[str, bytes]:
    """An id of hexadecimal digits in every form in which software writes such things down."""
    plain = external_id.encode()
    found = {
        "utf-8": plain,
        "upper case": external_id.upper().encode(),
        "utf-16, little end first": external_id.encode("utf-16-le"),
        "utf-16, big end first": external_id.encode("utf-16-be"),
        "hex of its text": plain.hex().encode(),
        "the number itself": bytes.fromhex(external_id),
        "the number, reversed": bytes.fromhex(external_id)[::-1],
    }
    for shift in range(3):  # base64 looks different at each place within three bytes
        coded = base64.b64encode(b"x" * shift + plain)
        found[f"base64, {shift} bytes in front"] = coded[4 * (shift > 0) : -4]
    return found


def control(needles: Needles) -> bytes:
    """A text that holds every needle: the look must find all of them in it."""
    return b"\n--\n".join(needles.values()) + b"\n"


def scan(folder: Path, needles: Needles) -> Counter[tuple[str, str]]:
    """How often each needle lies in which part of the folder, as (part, needle). On all cores."""
    found: Counter[tuple[str, str]] = Counter()
    paths = list(files(folder))
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        for path, counts in zip(paths, pool.map(partial(counted, needles), paths), strict=True):
            part = path.relative_to(folder).parts[0]
            found.update({(part, name): count for name, count in counts.items()})
    return found


def counted(needles: Needles, path: Path) -> dict[str, int]:
    """How often each needle lies in the file; those that do not are left out."""
    counts = {name: occurrences(path, needle) for name, needle in needles.items()}
    return {name: count for name, count in counts.items() if count}


def files(folder: Path) -> Iterator[Path]:
    """Every plain file below, hidden ones too; what goes away meanwhile is left out."""
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                yield path
        except FileNotFoundError:
            continue


def occurrences(path: Path, needle: bytes) -> int:
    """How often the bytes lie in the file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            count, at = 0, data.find(needle)
            while at >= 0:
                count, at = count + 1, data.find(needle, at + 1)
            return count
    except (FileNotFoundError, ValueError):  # removed, or emptied, since it was listed
        return 0
