"""Machines for tests: folders of their own each, and one store where they meet."""

from dataclasses import dataclass
from pathlib import Path

from fsspec.core import url_to_fs

from tenants.isolation import depot


@dataclass(frozen=True)
class Machines:
    """`on(name)` lets this process go on as that machine does."""

    settings: object
    root: Path
    address: str

    def on(self, name: str) -> Path:
        """Its folder, with `bundles` and `jobs` inside."""
        self.settings.ARTIFACT_ROOT = self.root / name / "bundles"
        self.settings.JOB_ROOT = self.root / name / "jobs"
        return self.root / name

    def files(self, business, *parts: str) -> dict[str, int]:
        return depot.listing(business.tenant.id, *parts)

    def read(self, business, *parts: str) -> bytes:
        system, root = url_to_fs(self.address)
        return system.cat_file("/".join([root, str(business.tenant.id), *parts]))

    def write(self, business, content: bytes, *parts: str) -> None:
        system, root = url_to_fs(self.address)
        system.pipe_file("/".join([root, str(business.tenant.id), *parts]), content)

    def local(self, name: str) -> list[str]:
        """Every file that lies on a machine, by its name from there on."""
        folder = self.root / name
        return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def make_machines(settings, root: Path, address: str) -> Machines:
    settings.ARTIFACT_STORE = address
    made = Machines(settings, root, address)
    made.on("a")
    return made
