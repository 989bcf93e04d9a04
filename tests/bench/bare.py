"""The list of uploads as it would be without walls: a table without row-level security, a filter
by hand, no scope. Only the benchmark of isolation serves it.
"""

from typing import Any

from django.db import connection, models
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.api import KeyAPIView
from tenants.access.bearer import key_invalid, token_of
from tenants.access.paging import page_of
from tenants.access.rights import Right
from tenants.accounts.queries import find_key
from tenants.behaviour.arriving.upload_api import UploadAnswer
from tenants.behaviour.models import Upload
from tests.connections import as_owner_of
from tests.tenants.isolation.rows import make_row

TABLE = "bench_bare_upload"
_FIELDS: dict[str, Any] = {each.name: each.clone() for each in Upload._meta.local_fields}
_META = type("Meta", (), {"db_table": TABLE, "managed": False, "app_label": "behaviour"})
BareUpload = type(
    "BareUpload",
    (models.Model,),
    {**_FIELDS, "Meta": _META, "__module__": __name__, "public_id": Upload.public_id,
     "FAILED": Upload.FAILED, "DONE": Upload.DONE},
)  # fmt: skip


class BareUploads(KeyAPIView):
    """`UploadList`, the scope left out."""

    rights = {"GET": Right.READ_EVENTS}

    def get(self, request: Request) -> Response:
        token = token_of(request)
        key = find_key(token)
        if key is None:
            raise key_invalid()
        self.admit(request, token, key, self.right_of(request))
        page = page_of(request, BareUpload.objects.filter(tenant_id=key.tenant_id), "upload")
        return page.response(request, UploadAnswer(page.rows, many=True).data)


def open_bare_table(business: Any, rows: int) -> None:
    """Make the table beside the real one, with the same rows, keys and indexes."""
    with business.scope:
        for _ in range(rows):
            make_row(Upload, {})
    with as_owner_of(connection.settings_dict["NAME"], business.tenant.id) as owner:
        owner.execute(f"create table {TABLE} (like behaviour_upload including all)")
        owner.execute(f"insert into {TABLE} select * from behaviour_upload")
        owner.execute(f"grant select on {TABLE} to attune_app")
        owner.execute(f"analyze {TABLE}")
        owner.execute("analyze behaviour_upload")


urlpatterns = [
    path("v1/bare-uploads", BareUploads.as_view()),
    path("", include("attune.urls")),
]
