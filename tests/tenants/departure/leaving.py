"""What the tests of leaving share: roots in a folder of the test, and a finished export."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from django.conf import settings

from tenants.departure import files
from tenants.departure.models import TenantExport
from tenants.departure.services import request_export
from tenants.isolation.names import tenant_folder
from tenants.work.run import run_waiting


def make_export(business) -> TenantExport:
    """An export that a worker has made."""
    with business.scope:
        export = request_export(actor=business.actor)
    run_waiting("default")
    with business.scope:
        return TenantExport.objects.get(pk=export.pk)


def content_of(export: TenantExport) -> dict[str, bytes]:
    """The files of an export by name."""
    plain = b"".join(files.read(export.tenant_id, export.id))
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def table(content: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content[name].decode())))


def manifest(content: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(content["manifest.json"])


def put_files(business) -> dict[str, Path]:
    """A file of the tenant in each of its folders, by the name of the root."""
    found = {}
    for root in settings.TENANT_ROOTS:
        folder = tenant_folder(getattr(settings, root), business.tenant.id) / "inner"
        folder.mkdir(parents=True)
        found[root] = folder / "file.bin"
        found[root].write_bytes(b"bytes of " + business.tenant.name.encode())
    return found
