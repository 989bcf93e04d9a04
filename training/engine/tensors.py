"""Memory-mapped reading of safetensors files, so that a bundle costs memory only where it is
touched.

Reads the public safetensors layout: an 8-byte little-endian header length, a JSON header, raw data.
Numbers only; the file's hash is checked by whoever opens it.
"""

import json
from pathlib import Path

import numpy as np

from training.engine.arrays import AnyArray, Tensors

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


def open_tensors(path: Path) -> Tensors:
    """Every tensor of a safetensors file as a read-only view of the mapped file."""
    with path.open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(header_length))
    start = 8 + header_length
    if path.stat().st_size == start:
        data = np.empty(0, dtype=np.uint8)
    else:
        data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r", offset=start))
    tensors: Tensors = {}
    for name, facts in header.items():
        if name != "__metadata__":
            first, last = facts["data_offsets"]
            view: AnyArray = data[first:last].view(_DTYPES[facts["dtype"]])
            tensors[name] = view.reshape(facts["shape"])
    return tensors
