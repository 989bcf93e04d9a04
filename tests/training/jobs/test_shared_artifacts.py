"""Bundles in a store that machines share: whole or not at all, checked at every door, one's own."""

import json
import os
import pickle
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from recommend.bundles import BundleCache, BundleUnreadable
from tenants.isolation import depot
from tests.trained import give_version
from tests.training.jobs.machines import make_machines
from training.engine.bundle import Bundle
from training.engine.failures import is_disk_full
from training.engine.sealed import sha256_of
from training.jobs import artifact_cache, artifacts
from training.jobs.artifacts import ArtifactDamaged, StoreUnreachable, reading
from training.jobs.services import approve_version, publish_version

VICTIM = "catalogue.safetensors"


@pytest.fixture(params=["file", "memory"])
def machines(request, settings, tmp_path):
    place = tmp_path / "store" if request.param == "file" else f"/{uuid4().hex}"
    return make_machines(settings, tmp_path, f"{request.param}://{place}")


@pytest.fixture
def shared(settings, tmp_path):
    """Machines that meet in a store of files."""
    return make_machines(settings, tmp_path, f"file://{tmp_path / 'store'}")


def bundle(folder: Path, content: bytes = b"{}", name: str = "facts.json") -> Path:
    """The smallest bundle there is; its folder."""
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    facts = {"sha256": sha256_of(folder / name), "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps({"files": {name: facts}}))
    return folder


def refused(business, digest: bytes, match: str, error=ArtifactDamaged) -> None:
    """The bundle is not served here."""
    with pytest.raises(error, match=match), reading(business.tenant.id, digest):
        raise AssertionError("it was served")


def test_a_page_that_asks_whether_a_bundle_can_be_read_brings_none(alice, artifact, shared):
    _, digest, _ = artifacts.put(alice.tenant.id, artifact)
    shared.on("b")
    cache = BundleCache()
    assert cache.can_read(alice.tenant.id, digest)
    assert shared.local("b") == []
    shared.write(alice, b"{}", "artifacts", digest.hex(), "manifest.json")
    with pytest.raises(BundleUnreadable):
        cache.get(alice.tenant.id, digest)
    assert not cache.can_read(alice.tenant.id, digest)


def test_a_bundle_that_one_machine_stored_is_read_on_another(alice, artifact, machines):
    manifest, digest, size = artifacts.put(alice.tenant.id, artifact)
    stored = machines.files(alice, "artifacts", digest.hex())
    assert set(stored) == {*manifest["files"], "manifest.json"}
    assert sum(stored.values()) == size
    machines.on("b")
    assert machines.local("b") == []
    with reading(alice.tenant.id, digest) as folder:
        assert folder.is_relative_to(machines.root / "b")
        assert Bundle.load(folder).manifest == manifest
    system = machines.files(alice)
    assert {path.partition("/")[0] for path in system} == {"artifacts"}


# What a web process on another machine does, without a database.
READS = """
import django, sys
from uuid import UUID
django.setup()
from training.engine.bundle import Bundle
from training.jobs.artifacts import ArtifactDamaged, reading
try:
    with reading(UUID(sys.argv[1]), bytes.fromhex(sys.argv[2])) as folder:
        print(folder, Bundle.load(folder).serves)
except ArtifactDamaged as error:
    print("damaged", error)
"""


def test_a_process_of_another_machine_reads_it_and_refuses_what_was_altered(
    alice, artifact, shared, tmp_path
):
    manifest, digest, _ = artifacts.put(alice.tenant.id, artifact)
    environment = {**os.environ, "ARTIFACT_STORE": shared.address, "ATTUNE_VAR": "",
                   "DJANGO_SETTINGS_MODULE": "attune.settings"}  # fmt: skip

    def read(var: str) -> str:
        words = [sys.executable, "-c", READS, str(alice.tenant.id), digest.hex()]
        env = {**environment, "ATTUNE_VAR": str(tmp_path / var)}
        done = subprocess.run(words, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    first = read("b")
    assert first.startswith(str(tmp_path / "b" / "artifacts" / "cache"))
    assert first.endswith(manifest["serves"])
    content = shared.read(alice, "artifacts", digest.hex(), VICTIM)
    shared.write(alice, content[:-1] + b"\x07", "artifacts", digest.hex(), VICTIM)
    assert read("c") == f"damaged {VICTIM}: its bytes do not match the manifest"
    assert not any((tmp_path / "c").rglob("*.safetensors"))
    assert read("b") == first  # its own copy is whole


@pytest.mark.parametrize("spoil", ["altered", "shorter", "missing", "manifest"])
def test_what_is_damaged_in_the_store_is_never_served(alice, artifact, machines, spoil):
    _, digest, _ = artifacts.put(alice.tenant.id, artifact)
    place, name = ("artifacts", digest.hex()), "manifest.json" if spoil == "manifest" else VICTIM
    content = machines.read(alice, *place, name)
    if spoil == "missing":
        depot.remove(alice.tenant.id, *place, name)
    else:
        changed = content[:-9] if spoil == "shorter" else content[:-1] + b" "
        machines.write(alice, changed, *place, name)
    machines.on("b")
    refused(alice, digest, rf"^{name}: ")
    assert machines.local("b") == []


def test_a_damaged_copy_is_brought_once_more(alice, artifact, shared):
    _, digest, _ = artifacts.put(alice.tenant.id, artifact)
    copy = artifacts.path_of(alice.tenant.id, digest) / VICTIM
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + b"\x07")
    with reading(alice.tenant.id, digest) as folder:
        assert (folder / VICTIM).read_bytes() == whole


def test_half_a_bundle_does_not_exist(alice, artifact, shared, monkeypatch):
    upload, done = depot.upload, []

    def breaks(source, *place) -> None:
        if len(done) == 2:
            raise StoreUnreachable("gone")
        done.append(place)
        upload(source, *place)

    monkeypatch.setattr(depot, "upload", breaks)
    with pytest.raises(StoreUnreachable):
        artifacts.put(alice.tenant.id, artifact)
    digest = artifacts.read_manifest(artifact)[1]
    assert len(shared.files(alice)) == 2
    shared.on("b")
    refused(alice, digest, r"^manifest\.json: it is not in the store")
    monkeypatch.setattr(depot, "upload", upload)
    shared.on("a")
    assert artifacts.put(alice.tenant.id, artifact)[1] == digest
    shared.on("b")
    with reading(alice.tenant.id, digest):
        assert done[-1][-1] != "manifest.json"


def test_a_store_that_is_away_is_told_apart_from_a_damaged_bundle(alice, artifact, shared):
    _, digest, _ = artifacts.put(alice.tenant.id, artifact)
    shared.settings.ARTIFACT_STORE = "nosuchscheme://bucket"
    with reading(alice.tenant.id, digest):  # its own copy needs no store
        shared.on("b")
    refused(alice, digest, "nosuchscheme", StoreUnreachable)


def test_s36_another_tenants_bundle_is_not_found(alice, bob, artifact, machines):
    _, digest, _ = artifacts.put(alice.tenant.id, artifact)
    refused(bob, digest, "not in the store")
    assert machines.files(bob) == {}


def test_a_destroyed_bundle_is_gone_from_the_store_and_this_machine(alice, bob, artifact, machines):
    for business in (alice, bob):
        _, digest, _ = artifacts.put(business.tenant.id, artifact)
    artifacts.destroy(alice.tenant.id, digest)
    assert machines.files(alice) == {}
    assert not any(str(alice.tenant.id) in name for name in machines.local("a"))
    assert machines.files(bob)
    with reading(bob.tenant.id, digest):
        pass


PICKLE = pickle.dumps({"weights": [1.0]})


@pytest.mark.parametrize(
    ("name", "content"),
    [("weights.pkl", PICKLE), ("weights.safetensors", PICKLE), ("../up.json", b"{}"),
     ("a/b.json", b"{}"), ("code.py", b"print()"), (".hidden.json", b"{}")],
)  # fmt: skip
def test_s41_a_pickle_and_any_other_stranger_is_refused_at_both_doors(
    alice, shared, tmp_path, name, content
):
    made = bundle(tmp_path / "made")
    facts = {"sha256": "", "bytes": len(content)}
    path = made / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    facts["sha256"] = sha256_of(path)
    (made / "manifest.json").write_text(json.dumps({"files": {name: facts}}))
    with pytest.raises(ArtifactDamaged):
        artifacts.put(alice.tenant.id, made)
    assert (shared.files(alice), shared.local("a")) == ({}, [])
    digest = bytes.fromhex(sha256_of(made / "manifest.json"))
    manifest = (made / "manifest.json").read_bytes()
    for file, text in ((name, content), ("manifest.json", manifest)):
        if not file.startswith("../"):
            (shared.root / "store").mkdir(exist_ok=True)
            target = shared.root / "store" / str(alice.tenant.id) / "artifacts" / digest.hex()
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shared.write(alice, text, "artifacts", digest.hex(), file)
    reason = "a bundle holds safetensors and JSON alone|it is no safetensors file"
    refused(alice, digest, rf"^{re.escape(name)}: ({reason})")
    assert shared.local("a") == []


def test_what_the_manifest_does_not_state_is_not_stored(alice, shared, tmp_path):
    made = bundle(tmp_path / "made")
    (made / "extra.pkl").write_bytes(PICKLE)
    with pytest.raises(ArtifactDamaged, match=r"^extra\.pkl: "):
        artifacts.put(alice.tenant.id, made)
    assert shared.files(alice) == {}


def test_the_longest_unused_copy_goes_first_and_never_one_that_is_read(alice, shared, tmp_path):
    digests = []
    for number in range(3):
        content = json.dumps({"n": number, "pad": "x" * 1000}).encode()
        _, digest, size = artifacts.put(alice.tenant.id, bundle(tmp_path / str(number), content))
        os.utime(artifacts.path_of(alice.tenant.id, digest), (number, number))
        digests.append(digest)
    shared.settings.ARTIFACT_CACHE_BYTES = 3 * size
    paths = [artifacts.path_of(alice.tenant.id, digest) for digest in digests]
    with reading(alice.tenant.id, digests[0]):
        os.utime(paths[0], (0, 0))  # the oldest by its clock, and in use
        artifact_cache.make_room(size)
        assert [path.exists() for path in paths] == [True, False, True]
        artifact_cache.make_room(3 * size)
        assert [path.exists() for path in paths] == [True, False, False]
    artifact_cache.make_room(3 * size)
    assert not paths[0].exists()
    with reading(alice.tenant.id, digests[1]):  # the store has them all
        assert paths[1].exists()


def test_a_full_disk_during_a_download_leaves_nothing_behind(alice, shared, tmp_path):
    content = json.dumps("x" * 300_000).encode()
    _, digest, _ = artifacts.put(alice.tenant.id, bundle(tmp_path / "made", content))
    shared.on("b")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(OSError) as full, reading(alice.tenant.id, digest):
            raise AssertionError("it was served")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert is_disk_full(full.value)
    assert list((shared.root / "b" / "bundles" / str(alice.tenant.id)).iterdir()) == []


def test_publishing_on_another_machine_brings_and_checks_the_bundle(alice, artifact, shared):
    version = give_version(alice, artifact)
    shared.on("b")
    with alice.scope:
        approve_version(version_id=version.id, actor=alice.actor, reason="Good figures.")
        publish_version(version_id=version.id, actor=alice.actor)
    assert any(name.endswith(VICTIM) for name in shared.local("b"))


def test_a_plain_folder_is_used_where_it_lies(alice, artifact, settings, tmp_path):
    settings.ARTIFACT_STORE = str(tmp_path / "folder")
    settings.ARTIFACT_ROOT = tmp_path / "folder"
    _, digest, _ = artifacts.put(alice.tenant.id, artifact)
    with reading(alice.tenant.id, digest) as folder:
        assert folder == tmp_path / "folder" / str(alice.tenant.id) / digest.hex()
    shutil.rmtree(folder)
    refused(alice, digest, r"^manifest\.json")
