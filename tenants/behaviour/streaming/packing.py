"""Bodies packed for the inbox by zstd, whose library takes a quarter of a second to load and twenty
megabytes. A process that keeps no body never loads it; the first one that it keeps does, in a
thread beside, and until that has ended bodies are packed by zlib.
"""

import zlib
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import Any

LEVEL = 1
# Every frame of zstd begins so (RFC 8878, section 3.1.1), and nothing that zlib packs.
ZSTD = (0xFD2FB528).to_bytes(4, "little")


def pack(body: bytes) -> bytes:
    """The body, smaller."""
    coming = _coming()
    if not coming.done():
        return zlib.compress(body, LEVEL)
    packed: bytes = coming.result().compress(body, asbytes=True)
    return packed


def unpack(packed: bytes, size: int) -> bytes:
    """A body of so many bytes as it was."""
    if not packed.startswith(ZSTD):
        return zlib.decompress(packed)
    body: bytes = _codec().decompress(packed, size, asbytes=True)
    return body


@cache
def _coming() -> Future[Any]:
    """The codec, some day soon."""
    coming: Future[Any] = Future()
    Thread(target=lambda: coming.set_result(_codec()), name="loads zstd", daemon=True).start()
    return coming


@cache
def _codec() -> Any:
    from pyarrow import Codec  # not above: see the module

    return Codec("zstd", compression_level=LEVEL)
