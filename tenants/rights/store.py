"""The subject store of requests: what a person asked for, and the exports that answered it."""

from typing import ClassVar

from tenants.audit.canonical import timestamp
from tenants.rights.exports import destroy_exports
from tenants.rights.models import Correction, ProfileRemoval, RightsRequest
from tenants.rights.profile import removals_of
from tenants.subjects.store import Rows

# What an export leaves out: numbers that mean something here alone, and who of the tenant acted.
OWN = ("id", "tenant_id", "subject_id", "opened_by", "verified_by")


class RightsRows:
    """Requests stay for 24 months as proof that they were answered (11 CCR 7101(a); GDPR 5(2)),
    without what was said in them: kind, days and outcome, under an integer that leads to nobody.
    """

    tables = (RightsRequest, ProfileRemoval, Correction)
    kept: ClassVar = {
        "rights_request": "24 months after it has ended, unlinkable after an erasure",
        "correction": "until the person is erased",
        "profile_removal": "until it is taken back, or the person is erased",
    }

    def count(self, subject_id: int) -> dict[str, int]:
        return {
            "rights_request": RightsRequest.objects.filter(subject_id=subject_id).count(),
            "profile_removal": ProfileRemoval.objects.filter(subject_id=subject_id).count(),
            "correction": Correction.objects.filter(subject_id=subject_id).count(),
        }

    def export(self, subject_id: int) -> dict[str, Rows]:
        found = RightsRequest.objects.filter(subject_id=subject_id).order_by("id")
        return {
            "rights_request": (_told(request) for request in found.iterator()),
            "profile_removal": removals_of(subject_id)
            .values("item__external_id", "category", "created_at")
            .iterator(),
            "correction": Correction.objects.filter(subject_id=subject_id)
            .order_by("id")
            .values("kind", "version", "columns", "created_at")
            .iterator(),
        }

    def erase(self, subject_id: int) -> dict[str, int]:
        destroy_exports(subject_id)
        RightsRequest.objects.filter(subject_id=subject_id).update(
            evidence_reference="", evidence_sha256=None, answer=""
        )
        removals, _ = ProfileRemoval.objects.filter(subject_id=subject_id).delete()
        corrections, _ = Correction.objects.filter(subject_id=subject_id).delete()
        return {"rights_request": 0, "profile_removal": removals, "correction": corrections}


def _told(request: RightsRequest) -> dict[str, object]:
    fields = [field.attname for field in request._meta.concrete_fields]
    told = {name: getattr(request, name) for name in fields if name not in OWN}
    steps = [{"at": timestamp(step.at), "step": step.code, **step.params}
             for step in request.steps.order_by("id")]  # fmt: skip
    return {"id": request.public_id, **told, "steps": steps}
