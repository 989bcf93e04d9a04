"""What carrying out each kind of request does: one table of functions. Called inside a service's
transaction; each leaves the audit entries of what it changes.
"""

from collections.abc import Callable

from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.consent.ledger import ConsentInput
from tenants.consent.services import record_consent, set_flag
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, LawfulBasis, Purpose
from tenants.erasure.services import begin_erasure
from tenants.errors import AppError, Conflict
from tenants.rights import kinds
from tenants.rights.models import RightsRequest, SubjectExport

# What somebody opts out of who names nothing: being profiled for answers, and being passed on
# (11 CCR 7026; Algorithm Provisions 17).
OPTED_OUT_OF = (Purpose.PERSONALISED_RECOMMENDATION, Purpose.THIRD_PARTY_SHARE)


def act(request: RightsRequest, actor: Actor) -> bool:
    """Carry the request out; whether it is done with that. Conflict where something is missing."""
    return ACTIONS[request.kind](request, actor) is not False


def _told(request: RightsRequest, actor: Actor) -> None:
    """An access or portability export that the person can be given. Conflict export_missing."""
    exports = SubjectExport.objects.filter(request=request, state=SubjectExport.DONE)
    if not exports.exists():
        raise Conflict("export_missing", "Wait until the export is ready, or make a new one.")


def _said(request: RightsRequest, actor: Actor) -> None:
    if not request.answer:
        raise AppError("answer_missing", "Say what was corrected, for the person.", param="answer")


def _flagged(request: RightsRequest, actor: Actor) -> None:
    set_flag(
        subject_id=request.subject_id,
        kind=request.kind,
        purposes=_purposes(request) or None,
        actor=actor,
        reason=request.public_id,
    )


def _opted_out(request: RightsRequest, actor: Actor) -> None:
    for purpose in _purposes(request) or OPTED_OUT_OF:
        record_consent(
            act=ConsentInput(
                subject_id=request.subject_id,
                purpose=purpose,
                event=ConsentEvent.OPTED_OUT,
                event_time=now(),
                collection_method=CollectionMethod.API,
                lawful_basis=LawfulBasis.CONSENT,
                jurisdiction=request.jurisdiction,
                withdrawal_method=request.public_id,
            ),
            actor=actor,
        )


def _erased(request: RightsRequest, actor: Actor) -> bool:
    """Begin the erasure; the request ends once everything is swept (`following`)."""
    begin_erasure(subject_id=request.subject_id, actor=actor, request_ref=request.public_id)
    request.refresh_from_db()  # the erasure has cleared what it says of the person, and is named
    return False


def _purposes(request: RightsRequest) -> list[Purpose]:
    return [Purpose(name) for name in request.purposes]


ACTIONS: dict[str, Callable[[RightsRequest, Actor], bool | None]] = {
    kinds.ACCESS: _told,
    kinds.PORTABILITY: _told,
    kinds.RECTIFICATION: _said,
    kinds.RESTRICTION: _flagged,
    kinds.OBJECTION: _flagged,
    kinds.OPT_OUT: _opted_out,
    kinds.ERASURE: _erased,
}
