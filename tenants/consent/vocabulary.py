"""The words of consent, and the table that maps every use of data to its purpose.

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


# As a field of the API offers them.
PURPOSES = [purpose.value for purpose in Purpose]


class ConsentEvent(StrEnum):
    """What happened to a consent. `rank` orders events of one instant: the stricter is last."""

    GIVEN = "given"
    RENEWED = "renewed"
    OPT_OUT_REVOKED = "opt_out_revoked"
    REQUESTED = "requested"
    EXPIRED = "expired"
    # An opt-out can be revoked, a refusal cannot.
    OPTED_OUT = "opted_out"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    INVALIDATED = "invalidated"

    @property
    def rank(self) -> int:
        return list(ConsentEvent).index(self)


class FlagKind(StrEnum):
    """What stops every use of a subject's data beside consent (GDPR 18 and 21; PIPL 44, 47)."""

    RESTRICTION = "restriction"
    OBJECTION = "objection"


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


class AgeBand(StrEnum):
    """How old a subject is said to be, where it matters. It stands until another is said; of whom
    nothing was said, they are taken to be of age.
    """

    UNDER_13 = "under_13"
    UNDER_14 = "under_14"
    UNDER_16 = "under_16"
    FROM_13_TO_15 = "13_to_15"
    FROM_14_TO_17 = "14_to_17"
    FROM_16_TO_17 = "16_to_17"
    ADULT = "adult"


# The least age in years of each band: whoever may be too young is taken to be.
YOUNGEST: dict[str, int] = {
    AgeBand.UNDER_13: 0,
    AgeBand.UNDER_14: 0,
    AgeBand.UNDER_16: 0,
    AgeBand.FROM_13_TO_15: 13,
    AgeBand.FROM_14_TO_17: 14,
    AgeBand.FROM_16_TO_17: 16,
    AgeBand.ADULT: 18,
}
# Ages in years below which somebody else must consent, by country (PIPL 31; GDPR 8(1), whose
# general rule stands for everywhere else).
AGE_OF_CONSENT = {"CN": 14}
AGE_OF_CONSENT_ELSEWHERE = 16


class Use(StrEnum):
    """Every use that Attune makes of a subject's events."""

    TRAINING = "training"
    PERSONALISED_ANSWER = "personalised_answer"
    CHARTS = "charts"
    POPULARITY = "popularity"
    SEGMENTS = "segments"


# The usual table; a tenant may ask for more.
PURPOSE_OF: dict[Use, Purpose] = {
    Use.TRAINING: Purpose.MODEL_TRAINING,
    Use.PERSONALISED_ANSWER: Purpose.PERSONALISED_RECOMMENDATION,
    Use.CHARTS: Purpose.ANALYTICS,
    Use.POPULARITY: Purpose.ANALYTICS,
    Use.SEGMENTS: Purpose.PERSONALISED_RECOMMENDATION,
}

# What a tenant's own table cannot take from a use (see `policy`).
ALWAYS: dict[Use, Purpose] = {
    use: PURPOSE_OF[use] for use in (Use.TRAINING, Use.PERSONALISED_ANSWER, Use.SEGMENTS)
}
