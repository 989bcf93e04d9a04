"""Declared groups from the tenant's word to the gate: frozen, measured, judged, never learned."""

import json
from io import StringIO

import numpy as np
import polars as pl
import pytest
from django.core.management import call_command
from safetensors.numpy import load_file

from tenants.audit.models import AuditEntry
from tenants.errors import AppError, Conflict
from tenants.subjects.directory import external_id_of
from tenants.subjects.models import Subject
from tenants.work.run import run_waiting
from tests import shop
from tests.tenants.behaviour.uploads import process
from tests.trained import give_version
from tests.training.jobs import grouped_shop
from tests.training.jobs.grouped_shop import country, shelf
from training.jobs.artifacts import path_of
from training.jobs.beginning import folder_of
from training.jobs.card import card_of, group_parts
from training.jobs.control import create_job
from training.jobs.declaring import (
    Choice,
    choices_of_items,
    choices_of_people,
    declare_groups,
    declared,
)
from training.jobs.freezing import freeze
from training.jobs.models import DeclaredGroups, Publication, Snapshot, Version
from training.jobs.services import approve_version, publish_version, set_standing_approval


def declare(business, subjects: str = "country", items: str = "category") -> None:
    with business.scope:
        declare_groups(subjects=subjects, items=items, actor=business.actor)


def test_declaring_is_recorded_and_can_be_taken_back(alice, bob):
    declare(alice)
    declare(alice, subjects="", items="attributes.colour")
    with alice.scope:
        now = declared()
        assert (now.subjects, now.items, now.actor_ref) == ("", "attributes.colour", alice.member)
        assert DeclaredGroups.objects.count() == 1
        entries = AuditEntry.objects.filter(action="groups.declared").order_by("seq")
        assert [entry.detail.get().details for entry in entries] == [
            {"subjects": "country", "items": "category"},
            {"subjects": "", "items": "attributes.colour"},
        ]
    with bob.scope:
        assert (declared().subjects, DeclaredGroups.objects.count()) == ("", 0)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"subjects": "Country", "items": ""}, "subjects"),
        ({"subjects": "a'b", "items": ""}, "subjects"),
        ({"subjects": "", "items": "colour"}, "items"),
        ({"subjects": "", "items": "attributes."}, "items"),
        ({"subjects": "country", "items": "attributes.a\x00"}, "items"),
    ],
)
def test_a_key_that_is_none_is_refused_and_nothing_is_changed(alice, given, param):
    declare(alice)
    with alice.scope, pytest.raises(AppError) as refused:
        declare_groups(**given, actor=alice.actor)
    assert (refused.value.code, refused.value.param) == ("bad_groups", param)
    with alice.scope:
        assert (declared().subjects, declared().items) == ("country", "category")
        assert AuditEntry.objects.filter(action="groups.declared").count() == 1


def test_the_choices_are_what_the_data_hold_and_count_only_who_consents(alice):
    grouped_shop.stock(alice, consenting=range(20, 60))
    head = b"item_id,category,attributes\n"
    colours = ["red" if n < 6 else "blue" for n in range(shop.ITEMS)]
    rows = "".join(
        f'item-{n:02d},{shelf(n)},"{{""colour"": ""{colour}"", ""ean"": {n}}}"\n'
        for n, colour in enumerate(colours)
    )
    process(alice, head + rows.encode(), "items")
    with alice.scope:
        assert choices_of_people() == [Choice("country", groups=2, large=2, size=40)]
        assert choices_of_items() == [
            Choice("attributes.colour", groups=2, large=1, size=30),
            Choice("attributes.ean", groups=30, large=0, size=30),
            Choice("category", groups=2, large=2, size=30),
        ]


def test_without_events_or_items_there_is_no_choice(alice):
    with alice.scope:
        assert (choices_of_people(), choices_of_items()) == ([], [])


def test_what_parts_nearly_everything_is_no_choice(alice):
    rows = "".join(f'item-{n},{shelf(n)},"{{""ean"": {n}}}"\n' for n in range(101))
    process(alice, b"item_id,category,attributes\n" + rows.encode(), "items")
    with alice.scope:
        assert [one.key for one in choices_of_items()] == ["category"]


def frozen(business, folder) -> Snapshot:
    with business.scope:
        return freeze(folder, actor=business.actor)


def test_a_snapshot_without_declaration_holds_no_groups(alice, tmp_path):
    grouped_shop.stock(alice)
    assert set(frozen(alice, tmp_path).files) == {"events.parquet", "items.parquet"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.parquet", "items.parquet"]


def test_a_snapshot_holds_the_groups_of_those_who_consent_to_training_alone(alice, tmp_path):
    grouped_shop.stock(alice, consenting=range(10, 40))
    before = frozen(alice, tmp_path / "before")
    declare(alice)
    snapshot = frozen(alice, tmp_path / "after")
    # What is learned from is the same to the byte.
    for name in ("events.parquet", "items.parquet"):
        assert snapshot.files[name] == before.files[name]
    assert snapshot.sha256 != before.sha256
    names = json.loads((tmp_path / "after" / "groups.json").read_text())
    assert names == {
        "subjects": {"key": "country", "names": ["abroad", "east", "north", "south", "west"]},
        "items": {"key": "category", "names": ["back", "front"]},
    }
    told = pl.read_parquet(tmp_path / "after" / "subject_groups.parquet")
    with alice.scope:
        ids = {subject.pk: external_id_of(subject) for subject in Subject.objects.all()}
    of = {ids[row["subject"]]: [] for row in told.iter_rows(named=True)}
    for row in told.iter_rows(named=True):
        of[ids[row["subject"]]].append(names["subjects"]["names"][row["group"]])
    assert of == {shop.user(n): ["abroad", country(n)] for n in range(10, 40)}
    assert pl.read_parquet(tmp_path / "after" / "item_groups.parquet").height == shop.ITEMS


def test_a_key_that_the_data_hold_no_more_freezes_empty_groups(alice, tmp_path):
    grouped_shop.stock(alice)
    declare(alice, subjects="planet", items="attributes.colour")
    frozen(alice, tmp_path)
    names = json.loads((tmp_path / "groups.json").read_text())
    assert names["subjects"] == {"key": "planet", "names": []}
    assert pl.read_parquet(tmp_path / "subject_groups.parquet").height == 0


@pytest.fixture
def unfair(alice, settings, tmp_path) -> Version:
    """A version that the real engine made of the shop whose south nobody can foresee."""
    settings.BASE_MODELS = [shop.tiny_base_model(tmp_path / "tiny")]
    grouped_shop.stock(alice)
    declare(alice)
    with alice.scope:
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=alice.actor)
        params = {**shop.QUICK, "batch_size": 256, "finetune_epochs": 0}
        job = create_job(actor=alice.actor, base_model=settings.BASE_MODELS[0], params=params)
    run_waiting("default")
    run_waiting("gpu")
    with alice.scope:
        job.refresh_from_db()
        assert job.state == "succeeded", job.error
        return Version.objects.select_related("snapshot", "job").get(job=job)


def test_a_wide_gap_is_measured_refused_worded_and_repeated(unfair, alice):
    """One training for the whole story: it takes seconds."""
    check_figures(unfair, alice)
    check_refusal(unfair, alice)
    check_pages(unfair, alice)
    said = StringIO()
    call_command("repeat_job", unfair.job.public_id, stdout=said)
    assert json.loads(said.getvalue().splitlines()[-1])["equal"]


def check_figures(version: Version, business) -> None:
    """Quality again from the figures of single people, whose countries the test knows."""
    with business.scope:
        figures = load_file(
            path_of(version.tenant_id, bytes(version.manifest_sha256)) / "units.safetensors"
        )
        ids = sorted(version.snapshot.members.values_list("subject_id", flat=True))
        people = [external_id_of(Subject.objects.get(pk=ids[n])) for n in figures["unit"]]
    where = np.array([country(int(name.removeprefix("shopper-"))) for name in people])
    served = figures[f"ndcg10.{version.serves}"]
    told = version.manifest["groups"]
    assert told["quality"] == {
        name: {
            "count": int((where == name).sum()),
            "value": pytest.approx(served[where == name].mean(), abs=1e-5),
        }
        for name in ("north", "south")
    }
    assert told["too_few"]["quality"] == 3
    assert {name: line["count"] for name, line in told["exposure"].items()} == {
        "back": 18, "front": 12,
    }  # fmt: skip
    assert sum(line["value"] for line in told["exposure"].values()) == pytest.approx(0, abs=2e-5)
    assert set(version.snapshot.files) <= {
        path.name for path in folder_of(business.tenant.id, version.job_id).iterdir()
    }


def check_refusal(version: Version, business) -> None:
    """The gate fails, nothing publishes by itself, and one person alone cannot let it."""
    verdict = next(line for line in version.gates if line["gate"] == "fair_to_groups")
    assert (verdict["outcome"], verdict["reason"]) == ("fail", "wide_gap")
    assert (verdict["figures"]["lowest"], verdict["figures"]["highest"]) == ("south", "north")
    with business.scope:
        assert not Publication.objects.exists()
        with pytest.raises(Conflict) as refused:
            approve_version(version_id=version.id, actor=business.actor, reason="Please.")
        assert refused.value.code == "gate_failed"
        assert "fair_to_groups" in refused.value.message
        with pytest.raises(Conflict) as refused:
            publish_version(version_id=version.id, actor=business.actor)
        assert refused.value.code == "not_approved"
        assert not Publication.objects.exists()


def check_pages(version: Version, business) -> None:
    owner = business.browser()
    gap = next(line for line in version.gates if line["gate"] == "fair_to_groups")["figures"]["gap"]
    sentence = (
        f"The gap between declared groups is {gap:.4f} of NDCG@10, from south to north; only 0.1 "
        "is allowed."
    )
    address = f"/models/versions/{version.public_id}/"
    assert sentence in owner.get(address).content.decode()
    card = owner.get(f"{address}card/").content.decode()
    assert sentence in card
    assert "3 groups are too small to be shown." in card
    told = owner.get(f"{address}card/", {"format": "json"}).json()["groups"]
    assert [group["key"] for group in told] == ["country", "category"]
    assert [part["name"] for part in told[0]["parts"]] == ["north", "south"]


def test_a_version_without_declared_groups_is_not_judged_by_any(alice, artifact):
    version = give_version(alice, artifact)
    with alice.scope:
        card = card_of(version)
    assert (version.manifest["groups"], card["groups"]) == (None, [])
    verdict = next(line for line in card["gates"] if line["gate"] == "fair_to_groups")
    assert (verdict["outcome"], verdict["reason"]) == ("not_applicable", "no_groups")


def test_s37_the_card_shows_no_group_of_nine_whatever_the_manifest_says():
    told = {
        "keys": {"quality": "country", "exposure": ""},
        "quality": {"x": {"count": 10, "value": 0.1}, "y": {"count": 9, "value": 0.9}},
        "exposure": {},
        "too_few": {"quality": 1, "exposure": 0},
    }
    parts = [{"name": "x", "count": 10, "value": 0.1}]
    assert group_parts(told) == [
        {"measure": "quality", "key": "country", "parts": parts, "too_few": 1}
    ]
