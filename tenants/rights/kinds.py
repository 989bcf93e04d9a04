"""What a person may ask for, and what follows from each: one table. Knows no row."""

from dataclasses import dataclass

RECEIVED, IDENTITY_NEEDED, IN_PROGRESS = "received", "identity_needed", "in_progress"
DONE, REFUSED = "done", "refused"
OPEN = (RECEIVED, IDENTITY_NEEDED, IN_PROGRESS)
STATES = (*OPEN, DONE, REFUSED)
# State -> the states that may follow. A request may be refused at any time before it is done.
NEXT: dict[str, tuple[str, ...]] = {
    RECEIVED: (IDENTITY_NEEDED, IN_PROGRESS, REFUSED),
    IDENTITY_NEEDED: (IN_PROGRESS, REFUSED),
    IN_PROGRESS: (DONE, REFUSED),
    DONE: (),
    REFUSED: (),
}


@dataclass(frozen=True)
class Kind:
    """`identified`: only for whom the tenant has identified (GDPR 12(6); 11 CCR 7060). What only
    stops a use needs no proof of who asks (11 CCR 7026(d)).

    `at_once`: carried out as it comes in, so that it counts from the next answer on (China's
    Algorithm Provisions 17). `exports`: answered with a file.
    """

    identified: bool = True
    at_once: bool = False
    exports: bool = False


ACCESS, PORTABILITY, RECTIFICATION = "access", "portability", "rectification"
RESTRICTION, OBJECTION = "restriction", "objection"
ERASURE, OPT_OUT = "erasure", "opt_out"
KINDS: dict[str, Kind] = {
    ACCESS: Kind(exports=True),
    PORTABILITY: Kind(exports=True),
    RECTIFICATION: Kind(),
    RESTRICTION: Kind(identified=False),
    OBJECTION: Kind(identified=False, at_once=True),
    ERASURE: Kind(),
    OPT_OUT: Kind(identified=False, at_once=True),
}
# How a person showed who they are. The document itself is never kept, only its hash and where the
# tenant keeps it.
EVIDENCE = ("signed_in", "e_mail_reply", "document", "known_answers", "in_person", "agent", "other")
# Why a request was refused; the words for the person stand beside it (PIPL 50: with reasons).
REFUSALS = (
    "identity_not_shown",  # GDPR 12(2), 12(6)
    "unfounded_or_excessive",  # GDPR 12(5)
    "legal_duty",  # GDPR 17(3)(b)
    "legal_claims",  # GDPR 17(3)(e), 18(2), 21(1)
    "rights_of_others",  # GDPR 15(4), 20(4)
    "not_covered",  # the right does not reach what is asked for
)
# Why a request ended that nobody could carry out any more; nobody chooses it.
PERSON_ERASED = "person_erased"
# Why more time is needed (GDPR 12(3): the complexity and number of the requests).
EXTENSIONS = ("complex", "many_requests")
