"""`/erasures/<id>/`: how far an erasure is, what was swept, and its certificate."""

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.wording.lineage import COUNTED, ERASURES, FATES, WHY_KEPT
from dashboard.wording.models import said
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.audit.signing import public_key
from tenants.erasure.certificate import document
from tenants.erasure.models import Erasure
from tenants.erasure.queries import status_of
from tenants.ids import parse_id


@page(Right.MANAGE_RIGHTS)
def erasure(request: PageRequest, erasure_id: str) -> HttpResponse:
    """Counts before and after, versions with their fate, and what comes yet."""
    status = status_of(parse_id("erasure", erasure_id))
    row = status.erasure
    context = {
        "row": row,
        "badge": ERASURES[row.state],
        "swept": row.state != Erasure.SWEEPING,
        "counts": [_count(row, name) for name in row.before],
        "versions": [
            {**line, "badge": FATES[line["state"]]} for line in status.facts.get("versions", [])
        ],
        "has_certificate": row.statements.exists(),
        "public_key": public_key(row.tenant_id).hex(),
    }
    return render(request, "dashboard/erasure.html", context)


@page(Right.MANAGE_RIGHTS)
def certificate(request: PageRequest, erasure_id: str) -> HttpResponse:
    """The certificate with its additions, as a file."""
    found = status_of(parse_id("erasure", erasure_id)).erasure
    text = json.dumps(document(found), indent=1)
    reply = HttpResponse(text, content_type="application/json")
    reply["Content-Disposition"] = f'attachment; filename="{found.public_id}.json"'
    return reply


def _count(row: Erasure, name: str) -> dict[str, Any]:
    after = row.after.get(name) if row.swept_at else None
    return {
        "name": said(COUNTED, name),
        "before": row.before[name],
        "after": after,
        "why": said(WHY_KEPT, name) if after and name in WHY_KEPT else "",
    }
