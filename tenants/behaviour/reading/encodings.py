"""Find out a text file's encoding and hand its text on as UTF-8, unreadable bytes marked.

A legacy encoding is only taken where the bytes look like it; otherwise the file is refused,
because a wrong guess would garble every name without anybody noticing.
"""

import codecs
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from tenants.behaviour.refusals import UploadRefused

BLOCK = 1 << 20
# A code point that Unicode keeps free for internal use stands for unreadable bytes.
BAD = "\ufdd0"
EVIDENCE = 256 << 10

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


# What a caller may name, as the codecs call themselves.
CODECS = frozenset(
    ("utf-8", "utf-16-le", "utf-16-be", "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7",
     "iso8859-9", "iso8859-15", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255",
     "cp1256", "cp1257", "cp1258", "cp437", "cp850", "cp852", "cp866", "koi8-r", "koi8-u",
     "mac-roman", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp",
     "euc_kr", "cp949", "tis-620")
)  # fmt: skip

# What Western text in Windows-1252 is made of beyond ASCII.
WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœ"
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŸŒ"
    "£€¥¢©®™°´–—‘’“”‚„«»•…½¼¾¿¡ºª²×·\xa0"
)


@dataclass(frozen=True)
class Encoding:
    """A codec name and how many bytes of byte order mark come first."""

    name: str
    mark: int = 0


def mark_bad(error: UnicodeError) -> tuple[str, int]:
    """Error handler: what cannot be read becomes BAD, and the reading goes on."""
    assert isinstance(error, UnicodeDecodeError)  # nosec B101 # for the type checker
    return BAD, error.end


codecs.register_error("attune.mark_bad", mark_bad)


def detect(source: BinaryIO, given: str | None) -> Encoding:
    """The encoding: named by the caller, by a byte order mark, or read off the bytes.

    Reads the whole source once, in blocks. Raises UploadRefused unknown_encoding,
    bad_encoding_name, binary_file.
    """
    source.seek(0)
    head = source.read(64 << 10)
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    if given is not None:
        return Encoding(known_codec(given))
    wide = wide_encoding(head)
    return Encoding(wide or narrow_encoding(*foreign_lines(source)))


def known_codec(name: str) -> str:
    """The codec's own name, if it is one of CODECS."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        found = ""
    if found not in CODECS:
        raise UploadRefused("bad_encoding_name", param="encoding", encoding=name[:40])
    return found


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark shows as zeros in every second byte; zeros elsewhere mean no text."""
    zeros = head.count(0)
    if zeros * 10 < len(head):
        return None
    for name, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if head[start::2].count(0) * 10 > zeros * 9:
            return name
    raise UploadRefused("binary_file")


def foreign_lines(source: BinaryIO) -> tuple[bytes, int]:
    """The first lines with anything beyond ASCII, from anywhere in the file.

    Stops at EVIDENCE bytes of them; also says how many bytes were looked through.
    """
    source.seek(0)
    kept: list[bytes] = []
    size, seen, rest = 0, 0, b""
    while size < EVIDENCE and (block := source.read(BLOCK)):
        seen += len(block)
        if block.isascii() and rest.isascii():
            rest = b""
            continue
        *lines, rest = (rest + block).split(b"\n")
        foreign = [line[:BLOCK] for line in lines if not line.isascii()]
        kept.extend(foreign)
        size += sum(map(len, foreign))
        rest = rest[-BLOCK:]
    return b"\n".join(kept if rest.isascii() else [*kept, rest])[: 4 * BLOCK], seen


def narrow_encoding(evidence: bytes, seen: int) -> str:
    """UTF-8, GB 18030 or Windows-1252, by how the bytes above 127 stand together.

    Western text has them alone between ASCII letters, Chinese legacy text in pairs. What looks
    like neither (Cyrillic, Greek, Japanese, …) is refused. Anything but Western that makes up
    less than a hundredth of the file says nothing about the rest: those few rows are rejected.
    """
    read = evidence.decode("utf-8", errors="replace")
    broken = read.count("\ufffd") - evidence.count("\ufffd".encode())
    sound = sum(len(run) for run in re.findall(r"[^\x00-\x7f\ufffd]+", read))
    if sound >= broken:
        return "utf-8"
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", evidence)]
    if sum(runs) * 3 <= len(runs) * 4 and looks_western(evidence):
        return "cp1252"
    if len(evidence) * 100 <= seen:
        return "utf-8"
    paired = sum(run for run in runs if run % 2 == 0)
    if paired * 10 >= sum(runs) * 8 and decodes(evidence, "gb18030"):
        return "gb18030"
    raise UploadRefused("unknown_encoding", param="encoding")


def looks_western(evidence: bytes) -> bool:
    """Whether at least 95 of 100 letters beyond ASCII are Western European ones."""
    letters = [one for one in evidence.decode("cp1252", "replace") if one > "\x7f"]
    return sum(one in WESTERN for one in letters) * 100 >= len(letters) * 95


def decodes(evidence: bytes, name: str) -> bool:
    """Whether all but one in a hundred of the lines are text in the encoding."""
    lines = evidence.split(b"\n")
    return sum("\ufffd" in line.decode(name, "replace") for line in lines) * 100 <= len(lines)


class Utf8Stream(io.RawIOBase):
    """A file's bytes as valid UTF-8 without the mark, unreadable ones as BAD.

    Counts quotation marks as they pass.
    """

    def __init__(self, source: BinaryIO, encoding: Encoding) -> None:
        super().__init__()
        source.seek(encoding.mark)
        self.source = source
        self.pending = b""
        self.quotes = 0
        self.decoder = codecs.getincrementaldecoder(encoding.name)("attune.mark_bad")

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end: a parser takes a short block for the end."""
        wanted = BLOCK if size is None or size < 0 else size
        parts, length = [self.pending], len(self.pending)
        while length < wanted:
            block = self.source.read(wanted)
            parts.append(self.decoder.decode(block, final=not block).encode("utf-8"))
            length += len(parts[-1])
            if not block:
                break
        whole = b"".join(parts)
        data, self.pending = whole[:wanted], whole[wanted:]
        self.quotes += data.count(b'"')
        return data
