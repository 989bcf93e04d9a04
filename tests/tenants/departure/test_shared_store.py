"""A tenant whose bundles lie in a store that machines share: all of it leaves, all of it goes."""

from pathlib import Path

import pytest

from tenants.departure import finishing
from tests.tenants.departure.leaving import content_of, make_export
from tests.trained import give_version
from tests.training.jobs.machines import make_machines


@pytest.fixture
def machines(settings, tmp_path):
    return make_machines(settings, tmp_path, f"file://{tmp_path / 'store'}")


def test_an_export_holds_the_bundles_of_the_store_and_no_half_one(
    alice, bob, artifact, machines, settings
):
    version, _ = give_version(alice, artifact), give_version(bob, artifact)
    digest = bytes(version.manifest_sha256).hex()
    place = ("artifacts", "ab" * 32)
    (machines.root / "store" / str(alice.tenant.id) / "/".join(place)).mkdir()
    machines.write(alice, b"{}", *place, "half.json")
    machines.on("b")  # a machine that has no copy
    content = content_of(make_export(alice))
    assert not list(Path(settings.EXPORT_ROOT).rglob("*.partial"))
    names = {name for name in content if name.startswith("files/")}
    assert names == {f"files/artifact/{digest}/{name}" for name in
                     (*version.manifest["files"], "manifest.json")}  # fmt: skip
    for name in names:
        assert content[name] == (artifact / name.rpartition("/")[2]).read_bytes()


def test_what_the_store_has_of_a_tenant_goes_with_it(alice, bob, artifact, machines):
    for business in (alice, bob):
        give_version(business, artifact)
        machines.write(business, b"sealed", "artifacts", "data")
    kept = machines.files(bob)
    finishing._destroy_outside(alice.tenant.id)
    assert machines.files(alice) == {}
    assert not any(str(alice.tenant.id) in name for name in machines.local("a"))
    assert machines.files(bob) == kept and kept
