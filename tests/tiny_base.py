"""A random base model of a few thousand weights: a BERT as transformers would save one, written
without it, for loading torch takes longer than most tests.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers.implementations import BertWordPieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789")
SPREAD = 0.02  # of random weights; as in the published model


@dataclass(frozen=True)
class Shape:
    """`width` is that of a text's vector, `longest` counts the pieces of a text."""

    width: int
    layers: int
    longest: int
    heads: int = 2


def write_base(folder: Path, words: list[str], shape: Shape) -> str:
    """The model, which knows these words and nothing else; the folder's path."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*SPECIAL, *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertWordPieceTokenizer(str(folder / "vocab.txt")).save(str(folder / "tokenizer.json"))
    for name, facts in (("tokenizer_config", TOKENIZER), ("config", _config(vocabulary, shape))):
        (folder / f"{name}.json").write_text(json.dumps(facts, indent=2))
    save_file(_weights(len(vocabulary), shape), folder / "model.safetensors", {"format": "pt"})
    return str(folder)


TOKENIZER = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    **{f"{token.strip('[]').lower()}_token": token for token in SPECIAL},
}


def _config(vocabulary: list[str], shape: Shape) -> dict[str, object]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float32",
        "vocab_size": len(vocabulary),
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": 2 * shape.width,
        "max_position_embeddings": shape.longest,
    }


def _weights(words: int, shape: Shape) -> dict[str, np.ndarray]:
    """Every matrix at random, from a fixed seed; norms that change nothing yet."""
    chance, width = np.random.default_rng(0), shape.width
    made: dict[str, np.ndarray] = {}

    def matrix(name: str, rows: int, columns: int) -> None:
        made[f"{name}.weight"] = chance.normal(0, SPREAD, (rows, columns)).astype(np.float32)

    def dense(name: str, rows: int, columns: int) -> None:
        matrix(name, rows, columns)
        made[f"{name}.bias"] = np.zeros(rows, np.float32)

    def norm(name: str) -> None:
        made[f"{name}.weight"] = np.ones(width, np.float32)
        made[f"{name}.bias"] = np.zeros(width, np.float32)

    for kind, rows in (("word", words), ("position", shape.longest), ("token_type", 2)):
        matrix(f"embeddings.{kind}_embeddings", rows, width)
    norm("embeddings.LayerNorm")
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            dense(f"{layer}.attention.{part}", width, width)
        dense(f"{layer}.intermediate.dense", 2 * width, width)
        dense(f"{layer}.output.dense", width, 2 * width)
        norm(f"{layer}.attention.output.LayerNorm")
        norm(f"{layer}.output.LayerNorm")
    dense("pooler.dense", width, width)
    return made
