"""One person's features are the same arrays where the ranker learns, where it answers, and where a
page shows them: each through its own real path, on the same stored events."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from django.test import Client
from safetensors.numpy import load_file

from dashboard.wording import features as words
from recommend import answering, derived
from tenants.behaviour.models import Event, Item
from tenants.subjects.directory import resolve
from tenants.subjects.models import Subject
from tests import shop
from tests.stocked import stock
from tests.tenants.rights.asking import taken
from tests.trained import CATALOGUE, give_version
from training.engine import fusion
from training.engine.bundle import FUSION_FILE
from training.engine.features.table import (
    FEATURES,
    ITEM_FEATURES,
    SUBJECT_FEATURES,
    columns_of,
    features_of_items,
    features_of_subject,
)
from training.engine.fusion import ALL, HIDDEN, width_of
from training.engine.sealed import read_sealed, write_sealed
from training.engine.snapshot import read_snapshot
from training.jobs.freezing import freeze
from training.jobs.models import Version
from training.jobs.services import publish_version

USER = shop.user(1)


def fused(artifact, target, snapshot):
    """The trained bundle with this snapshot's items, answering by a ranker that is told all."""
    manifest = read_sealed(artifact)
    files = {name: load_file(artifact / name) for name in manifest["files"]}
    catalogue = snapshot.catalogue
    files[CATALOGUE] = {"items": catalogue.items, **catalogue.facts.tensors()}
    for tensors in files.values():  # a sequence model knows more types now
        if "net.kind.weight" in tensors:
            tensors["net.kind.weight"] = tensors["net.kind.weight"].repeat(2, axis=0)
    names = [line["name"] for line in manifest["serving"]["sources"]]
    width = width_of(len(names), ALL)
    files[FUSION_FILE] = {
        "mean": np.zeros(width, np.float32),
        "scale": np.ones(width, np.float32),
        "linear": np.linspace(0.1, 1.0, width, dtype=np.float32),
        "inner": np.zeros((HIDDEN, width), np.float32),
        "inner_bias": np.zeros(HIDDEN, np.float32),
        "outer": np.zeros(HIDDEN, np.float32),
    }
    manifest["serves"] = "fusion"
    manifest["serving"]["types"] = list(snapshot.events.types)
    manifest["serving"]["fusion"] = {"sources": names, "features": list(ALL), "candidates": 10}
    write_sealed(target, files, manifest)
    return target


@pytest.fixture
def frozen(alice, artifact, tmp_path):
    """Alice's stored events, frozen and read as a run reads them; her version serves by fusion."""
    stock(alice, range(12))
    with alice.scope:
        for item in Item.objects.all():
            item.category, item.price = f"Category {item.id % 3}", 1.0 + item.id % 7
            item.save(update_fields=["category", "price"])
        subject_id = resolve([USER])[USER]
        # An act that spends nothing: its value is stars.
        last = Event.objects.filter(subject_id=subject_id).order_by("-occurred_at").first()
        Event.objects.filter(id=last.id).update(type=5, value=4.0)
        freeze(tmp_path, actor=alice.actor)
    snapshot = read_snapshot(tmp_path)
    version = give_version(alice, fused(artifact, tmp_path / "fused", snapshot))
    with alice.scope:
        # Its ranker is made by hand, so that no gate lets it pass.
        Version.objects.filter(pk=version.pk).update(state=Version.APPROVED)
        publish_version(version_id=version.id, actor=alice.actor)
    numbers = pl.read_parquet(tmp_path / "events.parquet")["subject"].unique().sort().to_list()
    place = numbers.index(subject_id)
    events = snapshot.events
    return SimpleNamespace(
        business=alice,
        facts=snapshot.catalogue.facts,
        past=events.past(place, int(events.offsets[place + 1]), 500),
        items=snapshot.catalogue.items,
    )


def test_a_persons_features_are_the_same_at_training_in_an_answer_and_on_the_page(
    frozen, monkeypatch
):
    alice, read = frozen.business, []
    now = float(frozen.past.time.max()) + 1_000.0
    clock = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr(answering, "time", clock)
    monkeypatch.setattr(derived, "time", clock)

    def recording(names, past, facts, at, items):
        read.append((names, past, facts, at, items, columns_of(names, past, facts, at, items)))
        return read[-1][-1]

    monkeypatch.setattr(fusion, "columns_of", recording)
    reply = Client().get("/v1/recommendations", {"user_id": USER}, headers=alice.headers).json()
    assert reply["personalised"]
    ((names, past, facts, at, items, columns),) = read
    # What an answer knows is what the frozen data know, array by array.
    assert names == ALL and at == now
    for name in ("item", "time", "weight", "type", "value"):
        np.testing.assert_array_equal(getattr(past, name), getattr(frozen.past, name))
    for name in ("band", "category", "known_from"):
        np.testing.assert_array_equal(getattr(facts, name), getattr(frozen.facts, name))
    learned = columns_of(ALL, frozen.past, frozen.facts, now, items)
    np.testing.assert_array_equal(np.stack(columns), np.stack(learned))
    # And so is what the page tells.
    with alice.scope:
        told = derived.derived_of(Subject.objects.get(pk=resolve([USER])[USER]))
    expected = features_of_subject(frozen.past, frozen.facts, now)
    assert list(told.features) == list(SUBJECT_FEATURES)
    assert told.features == {
        name: None if np.isnan(value) else value for name, value in expected.items()
    }
    # The person's export and the API tell the same.
    with alice.scope:
        rows = list(derived.profile(resolve([USER])[USER]))
    exported = {row["note"]: row["weight"] for row in rows if row["group"] == "features"
                and row["item"] is None}  # fmt: skip
    assert exported == told.features
    assert sum(row["group"] == "features" for row in rows) == len(told.features) + len(
        told.own
    ) * len(ITEM_FEATURES)
    profile = Client().get("/v1/profile", {"user_id": USER}, headers=alice.headers).json()
    assert profile["features"] == told.features
    assert told.features["spent"] == float(frozen.past.value.sum(dtype=np.float64)) > 0.0
    places = np.unique(frozen.past.item)
    by_item = features_of_items(frozen.past, frozen.facts, now, places)
    for line in told.own:
        row = int(np.searchsorted(frozen.items[places], line.item.id))
        assert line.features == {
            name: None if np.isnan(values[row]) else values[row] for name, values in by_item.items()
        }
    page = alice.browser().get(f"/rights/{taken(alice, 'access', USER)}/person/").content.decode()
    for name, value in told.features.items():
        assert f">{words.shown(name, value)}</td>" in page, name


def test_every_feature_has_its_words():
    assert list(words.OF_SUBJECTS) == list(SUBJECT_FEATURES)
    assert list(words.OF_ITEMS) == list(ITEM_FEATURES)
    for name, one in (*words.OF_SUBJECTS.items(), *words.OF_ITEMS.items()):
        assert one.meaning == FEATURES[name].meaning


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("recency_days", 2.0, "2 days"),
        ("recency_days", 2.345, "2.35 days"),
        ("spent", 1234.5, "1,234.50"),
        ("usual_hour", 13.5, "13:30 UTC"),
        ("usual_hour", 23.9999, "00:00 UTC"),
        ("price_level", 0.25, "25.0 %"),
        ("hour_fit", -0.5, "-0.50"),
        ("acts", 1200.0, "1,200"),
        ("due", None, "–"),
    ],
)
def test_values_are_shown_with_their_unit(name, value, text):
    assert words.shown(name, value) == text


def test_without_a_version_only_what_the_acts_themselves_say_is_told(alice):
    stock(alice, range(12))
    with alice.scope:
        told = derived.derived_of(Subject.objects.get(pk=resolve([USER])[USER]))
    assert told.features["acts"] > 0 and told.features["price_level"] is None
    assert all(line.features["own_acts"] == line.events for line in told.own)
