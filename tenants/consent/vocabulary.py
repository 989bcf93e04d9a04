"""The words of consent, and the one table that maps every use of data to its purpose.

After ISO/IEC TS 27560 and the W3C Data Privacy Vocabulary; lawful bases of GDPR 6 and PIPL 13.
"""

from enum import StrEnum


class Purpose(StrEnum):
    """What a subject is asked for, each by itself (GDPR 7(2); PIPL 14, 23, 29, 39)."""

    SERVICE = "service"
    ANALYTICS = "analytics"
    PERSONALISED_RECOMMENDATION = "personalised_recommendation"
    MODEL_TRAINING = "model_training"
    MARKETING = "marketing"
    THIRD_PARTY_SHARE = "third_party_share"
    CROSS_BORDER = "cross_border"
    SENSITIVE = "sensitive"


class ConsentEvent(StrEnum):
    """What happened to a consent. `rank` orders events of one instant: the stricter is last."""

    GIVEN = "given"
    RENEWED = "renewed"
    OPT_OUT_REVOKED = "opt_out_revoked"
    REQUESTED = "requested"
    EXPIRED = "expired"
    REFUSED = "refused"
    OPTED_OUT = "opted_out"
    WITHDRAWN = "withdrawn"
    INVALIDATED = "invalidated"

    @property
    def rank(self) -> int:
        return list(ConsentEvent).index(self)


class LawfulBasis(StrEnum):
    """On what a processing rests."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTEREST = "vital_interest"
    PUBLIC_INTEREST = "public_interest"
    LEGITIMATE_INTEREST = "legitimate_interest"
    OPT_OUT_REGIME = "opt_out_regime"


class CollectionMethod(StrEnum):
    """Through what the act reached us. `import` is hearsay: see the conflict rule of the fold."""

    WEB_FORM = "web_form"
    APP = "app"
    API = "api"
    PAPER = "paper"
    CMP = "cmp"
    GPC_HEADER = "gpc_header"
    IMPORT = "import"


class Use(StrEnum):
    """Every use that Attune makes of a subject's events."""

    TRAINING = "training"
    PERSONALISED_ANSWER = "personalised_answer"
    CHARTS = "charts"
    POPULARITY = "popularity"
    SEGMENTS = "segments"


PURPOSE_OF: dict[Use, Purpose] = {
    Use.TRAINING: Purpose.MODEL_TRAINING,
    Use.PERSONALISED_ANSWER: Purpose.PERSONALISED_RECOMMENDATION,
    Use.CHARTS: Purpose.ANALYTICS,
    Use.POPULARITY: Purpose.ANALYTICS,
    Use.SEGMENTS: Purpose.PERSONALISED_RECOMMENDATION,
}

# Any of these lets an event be stored at all; otherwise it is held in quarantine.
STORABLE: frozenset[Purpose] = frozenset(PURPOSE_OF.values()) | {Purpose.SERVICE}
