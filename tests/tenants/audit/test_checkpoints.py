"""Signed checkpoints: when they are made, what they cover, where copies go."""

from datetime import timedelta

import pytest
import rfc8785
from django.utils.timezone import now
from fsspec.core import url_to_fs

from tenants.audit import checkpoints
from tenants.audit.canonical import merkle_root
from tenants.audit.checkpoints import (
    edge_of,
    is_signed,
    keep_up,
    line_of,
    make_checkpoint,
    whole_log,
)
from tenants.audit.copies import choose_place, copy
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditCheckpoint, AuditEntry, CheckpointPlace
from tenants.audit.record import record
from tenants.audit.tree import Edge, unpacked
from tenants.audit.verify import verify_chain
from tenants.errors import AppError
from tenants.ids import uuid7
from tests.connections import in_threads


def write(business, count: int) -> None:
    with business.scope:
        for _ in range(count):
            record(AuditEvent.LOG_VERIFIED, actor=business.actor)


def leaves(until: int) -> list[bytes]:
    entries = AuditEntry.objects.filter(seq__lte=until).order_by("seq")
    return [bytes(leaf) for leaf in entries.values_list("entry_hash", flat=True)]


def test_the_tree_grows_from_its_edge_to_the_standards_root():
    every = [bytes([number]) * 32 for number in range(1, 70)]
    edge = Edge()
    for count, leaf in enumerate(every, start=1):
        edge = unpacked(edge.size, edge.packed())
        edge.add(leaf)
        assert edge.root() == merkle_root(every[:count])
        assert len(edge.nodes) == count.bit_count()


def test_a_checkpoint_is_made_behind_so_many_entries_and_goes_on_from_the_last(alice, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 4)
    write(alice, 7)
    assert keep_up(alice.tenant.id) == 2
    with alice.scope:
        made = list(AuditCheckpoint.objects.order_by("size"))
        assert [one.size for one in made] == [4, 8]
        for one in made:
            assert bytes(one.root) == merkle_root(leaves(one.size)) == edge_of(one).root()
            assert bytes(one.head_hash) == leaves(one.size)[-1]
            assert is_signed(one)
        assert bytes(made[1].previous) == checkpoints.digest_of(made[0])
        assert verify_chain().checkpoints == 2


def test_fewer_entries_wait_five_minutes_at_most(alice):
    assert keep_up(alice.tenant.id) == 0
    with alice.scope:
        assert checkpoints.WAIT + timedelta(minutes=1) <= timedelta(minutes=5)
        later = now() + checkpoints.WAIT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "now", lambda: later)
        assert keep_up(alice.tenant.id) == 1
    assert keep_up(alice.tenant.id) == 0
    with alice.scope:
        assert make_checkpoint(at_once=True) is None
        assert AuditCheckpoint.objects.get().size == 3


def test_the_root_of_the_whole_log_needs_only_what_is_new(alice):
    with alice.scope:
        make_checkpoint(at_once=True)
    write(alice, 3)
    with alice.scope:
        whole = whole_log()
        assert (whole.size, whole.root()) == (6, merkle_root(leaves(6)))


def test_many_at_once_make_each_checkpoint_once(committed):
    alice = committed("Alice")

    def make() -> bool:
        with alice.scope:
            return make_checkpoint(at_once=True) is not None

    assert sorted(in_threads([make] * 6)) == [False] * 5 + [True]


@pytest.fixture
def places(settings, tmp_path):
    settings.CHECKPOINT_PLACES = {"vault": str(tmp_path / "vault"), "memory": "memory://vault"}
    return tmp_path / "vault"


def test_checkpoints_are_copied_to_the_place_that_the_tenant_chose(alice, places):
    with alice.scope:
        make_checkpoint(at_once=True)
        choose_place(name="vault", actor=alice.actor)
        make_checkpoint(at_once=True)
    assert copy(alice.tenant.id) == 2
    assert copy(alice.tenant.id) == 0
    found = sorted(path.name for path in (places / str(alice.tenant.id)).iterdir())
    assert found == ["checkpoint-000000000003.json", "checkpoint-000000000004.json"]
    with alice.scope:
        place = CheckpointPlace.objects.get()
    assert (place.copied, place.error) == (4, "")


def test_a_copy_that_differs_is_not_overwritten(alice, places):
    with alice.scope:
        make_checkpoint(at_once=True)
        choose_place(name="vault", actor=alice.actor)
    there = places / str(alice.tenant.id) / "checkpoint-000000000003.json"
    there.parent.mkdir(parents=True)
    there.write_text("another")
    assert copy(alice.tenant.id) == 0
    with alice.scope:
        assert CheckpointPlace.objects.get().error == "copy_differs"
    assert there.read_text() == "another"


@pytest.mark.parametrize("length", [0, 1, 200, -1])
@pytest.mark.parametrize("place", ["vault", "memory"])
def test_a_copy_that_was_cut_short_is_written_again(alice, places, settings, place, length):
    """A kill or a full disk left the beginning of a file: no other checkpoint lies there."""
    with alice.scope:
        mark = make_checkpoint(at_once=True)
        choose_place(name=place, actor=alice.actor)
        whole = rfc8785.dumps(line_of(mark))
    system, root = url_to_fs(settings.CHECKPOINT_PLACES[place])
    path = f"{root}/{alice.tenant.id}/checkpoint-000000000003.json"
    system.makedirs(system._parent(path), exist_ok=True)
    system.pipe_file(path, whole[:length])
    assert copy(alice.tenant.id) == 1
    with alice.scope:
        assert CheckpointPlace.objects.get().error == ""
    assert system.cat_file(path) == whole


def test_a_place_that_cannot_be_reached_is_tried_again(alice, settings, tmp_path):
    (tmp_path / "file").write_text("no folder")
    settings.CHECKPOINT_PLACES = {"vault": str(tmp_path / "file" / "below")}
    with alice.scope:
        make_checkpoint(at_once=True)
        choose_place(name="vault", actor=alice.actor)
    assert copy(alice.tenant.id) == 0
    with alice.scope:
        assert CheckpointPlace.objects.get().error == "place_unreachable"
    settings.CHECKPOINT_PLACES = {"vault": str(tmp_path / "vault")}
    assert copy(alice.tenant.id) == 1
    with alice.scope:
        assert CheckpointPlace.objects.get().error == ""


@pytest.mark.parametrize("name", ["elsewhere", "/etc", "http://169.254.169.254/", "../vault"])
def test_a_tenant_names_no_place_that_the_installation_does_not_offer(alice, places, name):
    with alice.scope, pytest.raises(AppError) as refused:
        choose_place(name=name, actor=alice.actor)
    assert refused.value.code == "unknown_place"
    with alice.scope:
        assert not CheckpointPlace.objects.exists()


def test_choosing_and_leaving_a_place_stands_in_the_log(alice, places):
    with alice.scope:
        choose_place(name="vault", actor=alice.actor)
        choose_place(name="memory", actor=alice.actor)
        choose_place(name="", actor=alice.actor)
        assert not CheckpointPlace.objects.exists()
        entries = AuditEntry.objects.filter(action="checkpoints.place_set").order_by("seq")
        told = [entry.detail.get().details["place"] for entry in entries]
    assert told == ["vault", "memory", ""]


def test_no_checkpoint_is_built_on_one_that_the_key_has_not_signed(alice):
    """Whoever stole the application's role can insert a row, but not have it countersigned."""
    with alice.scope:
        make_checkpoint(at_once=True)
        forged = AuditCheckpoint.objects.get()
        forged.pk, forged.size, forged.edge = uuid7(), 4, bytes(32)
        forged.save(force_insert=True)
    write(alice, 3)
    with alice.scope:
        made = make_checkpoint(at_once=True)
        assert bytes(made.root) == merkle_root(leaves(6))
        assert (verify_chain().seq, verify_chain().code) == (4, "checkpoint_altered")
