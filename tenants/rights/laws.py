"""By when a request must be answered: ONE table of laws, and how their terms are counted.

Knows no request. Working days are Mondays to Fridays: public holidays are not known here, so a day
counted in working days comes early by their number and never late.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5


@dataclass(frozen=True)
class Term:
    """A length of time; exactly one of the three is above zero."""

    months: int = 0
    days: int = 0
    working_days: int = 0

    def after(self, start: date) -> date:
        """The last day of the term; the day of `start` itself does not count (GDPR 12(3) with
        Regulation 1182/71, article 3). A month ends on the same number, or on the month's last day.
        """
        if self.months:
            year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
            return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
        if self.days:
            return start + timedelta(days=self.days)
        return _working_days_after(start, self.working_days)


def _working_days_after(start: date, count: int) -> date:
    day = start
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < SATURDAY
    return day


@dataclass(frozen=True)
class Law:
    """What one law asks for. `opt_out` is its term for opting out, `acknowledge` the one for
    telling the person that the request has come; None: no such term. `source` is where it stands.
    """

    answer: Term
    extension: Term | None
    source: str
    acknowledge: Term | None = None
    opt_out: Term | None = None

    def term(self, kind: str) -> Term:
        """How long an answer to a request of this kind may take."""
        return self.opt_out if kind == "opt_out" and self.opt_out else self.answer


USUAL = "usual"
LAWS: dict[str, Law] = {
    "gdpr": Law(Term(months=1), Term(months=2), "GDPR 12(3)"),
    "ccpa": Law(
        Term(days=45),
        Term(days=45),
        "11 CCR 7021, 7026(f)",
        acknowledge=Term(working_days=10),
        opt_out=Term(working_days=15),
    ),
    "pipl": Law(Term(working_days=15), None, "PIPL 44–50"),
    # Where no law that we know sets a term.
    USUAL: Law(Term(working_days=15), None, ""),
}
# ISO 3166: the Union, the rest of the European Economic Area, and the United Kingdom, whose own
# GDPR has the same terms.
_GDPR = (
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO GB"
)
LAW_OF = {**dict.fromkeys(_GDPR.split(), "gdpr"), "US-CA": "ccpa", "CN": "pipl"}


def law_of(jurisdiction: str) -> str:
    """The line of LAWS for a place, as ISO 3166-1 or -2; a region goes by its own line first."""
    country = jurisdiction.partition("-")[0]
    return LAW_OF.get(jurisdiction) or LAW_OF.get(country, USUAL)
