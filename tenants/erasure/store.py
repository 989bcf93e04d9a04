"""The subject store of erasures themselves."""

from typing import ClassVar

from tenants.erasure.models import Erasure
from tenants.subjects.store import Rows


class ErasureRows:
    """That a person was erased stays: it is what the second look and the certificate go by."""

    tables = (Erasure,)
    kept: ClassVar = {"erasure": "while the tenant exists, unlinkable"}

    def count(self, subject_id: int) -> dict[str, int]:
        return {"erasure": Erasure.objects.filter(subject_id=subject_id).count()}

    def export(self, subject_id: int) -> dict[str, Rows]:
        rows = Erasure.objects.filter(subject_id=subject_id).order_by("id")
        return {"erasure": rows.values("id", "state", "begun_at", "finished_at")}

    def erase(self, subject_id: int) -> dict[str, int]:
        return {"erasure": 0}
