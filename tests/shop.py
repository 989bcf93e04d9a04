"""A small made-up shop for tests: consent records, purchases and a tiny random base model."""

import csv
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.tiny_base import LETTERS, Shape, write_base

SUBJECTS, ITEMS, WEEKS = 60, 30, 20
# Item numbers of the shared bundle: far from those that the database gives out by itself.
FIRST_ITEM = 10_000_000
NOTICE = b"We ask for four things, each by itself. You may take each back at any time."
PURPOSES = ["service", "analytics", "personalised_recommendation", "model_training"]
WORDS = ["red", "blue", "small", "large", "tea", "cup", "lamp", "bag", "clock", "card"]


def user(number: int) -> str:
    return f"shopper-{number:03d}"


def _csv(rows: list[dict[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def consents(people: range = range(SUBJECTS), purposes: list[str] = PURPOSES) -> bytes:
    """Grants of every purpose by `people`, given before the first purchase."""
    at = (datetime.now(UTC) - timedelta(weeks=WEEKS + 1)).isoformat()
    return _csv(
        [
            {
                "user_id": user(person),
                "purpose": purpose,
                "event": "given",
                "event_time": at,
                "lawful_basis": "consent",
                "notice_id": "privacy",
                "notice_version": "1",
                "notice_lang": "en",
                "collection_method": "web_form",
                "jurisdiction": "GB",
            }
            for person in people
            for purpose in purposes
        ]
    )


def purchases(people: range = range(SUBJECTS), seed: int = 7) -> bytes:
    """Weekly purchases: each person returns to three favourites and tries others."""
    chance = random.Random(seed)
    start = datetime.now(UTC) - timedelta(weeks=WEEKS)
    rows: list[dict[str, object]] = []
    for person in people:
        favourites = chance.sample(range(ITEMS), 3)
        for week in range(WEEKS):
            for item in {*chance.sample(favourites, 2), chance.randrange(ITEMS)}:
                moment = start + timedelta(weeks=week, hours=chance.randrange(24 * 6))
                rows.append(
                    {
                        "user_id": user(person),
                        "item_id": f"item-{item:02d}",
                        "item_title": f"{WORDS[item % 10]} {WORDS[item // 3 % 10]} {item}",
                        "type": "purchase",
                        "occurred_at": moment.isoformat(),
                        "quantity": 1,
                        "price": 1 + item,
                    }
                )
    return _csv(rows)


def tiny_base_model(folder: Path) -> str:
    """A random two-layer BERT that knows the shop's words; the folder's path."""
    pieces = [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    return write_base(folder, [*WORDS, *pieces], Shape(width=32, layers=2, longest=64))


# A run small enough for a test; every other parameter is "auto".
QUICK = {"dim": 16, "epochs": 1, "finetune_epochs": 1, "sequence_length": 10, "lora_rank": 2}
