"""What an erasure reaches among requests: those that are open end with it."""

from typing import TYPE_CHECKING

from tenants.audit.actor import Actor
from tenants.erasure.models import Erasure
from tenants.erasure.reach import Reach
from tenants.rights import kinds
from tenants.rights.queries import open_requests
from tenants.rights.steps import close, note

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tenants.rights.models import RightsRequest


class OpenRequests(Reach):
    """What else the person has asked for: nobody could answer it any more, so it would stay open.

    The request that asked for the erasure names it instead, and ends once all is swept
    (`following`). The rows are locked before: their store has cleared them.
    """

    name = "open_requests"

    def held(self, subject_id: int) -> int:
        return self._open(subject_id).count()

    def mark(self, subject_id: int, actor: Actor) -> None:
        erasure = Erasure.objects.filter(subject_id=subject_id).latest("id")
        for request in self._open(subject_id).order_by("id"):
            if request.public_id == erasure.request_ref and request.state == kinds.IN_PROGRESS:
                request.erasure_id = erasure.id
                request.save(update_fields=["erasure_id"])
                note(request, "erasure_begun", actor)
            elif request.kind == kinds.ERASURE:
                close(request, kinds.DONE, actor)
            else:
                request.refusal_code = kinds.PERSON_ERASED
                close(request, kinds.REFUSED, actor)

    def _open(self, subject_id: int) -> "QuerySet[RightsRequest]":
        """Without the one that waits for the erasure: it is answered by it."""
        return open_requests().filter(subject_id=subject_id, erasure_id=None)
