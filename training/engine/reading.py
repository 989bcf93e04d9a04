"""How much of texts a base model's tokenizer knows, without the model: light enough for a worker
that only reads files. Nothing is downloaded; a base without a tokenizer file of its own has no
answer here.
"""

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from training.engine.failures import JobError
from training.engine.text import find_base

TOKENIZER = "tokenizer.json"


def reader_of(base_model: str) -> Callable[[list[str]], tuple[int, int]] | None:
    """A function from texts to their characters, blanks aside, and how many of these fall into
    unknown tokens; None where the base is not on this machine or has no such file."""
    try:
        path = Path(find_base(base_model).folder) / TOKENIZER
    except JobError:
        return None
    if not path.is_file():
        return None
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown = _unknown_token(tokenizer)

    def read(texts: list[str]) -> tuple[int, int]:
        solid = unread = 0
        for text, encoded in zip(
            texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True
        ):
            solid += _solid(text)
            if unknown in encoded.ids:
                for token, (start, stop) in zip(encoded.ids, encoded.offsets, strict=True):
                    unread += _solid(text[start:stop]) if token == unknown else 0
        return solid, unread

    return read


def _solid(text: str) -> int:
    return len("".join(text.split()))


def _unknown_token(tokenizer: Tokenizer) -> int | None:
    """Its number; None for a tokenizer that falls back on bytes and so knows every text."""
    model = json.loads(tokenizer.to_str())["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    name = model.get("unk_token")
    return tokenizer.token_to_id(name) if name else None
