"""By when a request must be answered."""

from datetime import date

import pytest

from tenants.rights.laws import LAWS, Term, law_of


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 3, 5), date(2026, 4, 5)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 12, 15), date(2027, 1, 15)),
    ],
)
def test_a_month_ends_on_the_same_day_or_on_the_months_last(received, due):
    """GDPR 12(3)."""
    assert LAWS["gdpr"].term("access").after(received) == due


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        (date(2026, 11, 16), 15, date(2026, 12, 7)),  # a Monday
        (date(2026, 11, 20), 1, date(2026, 11, 23)),  # a Friday
        (date(2026, 11, 21), 1, date(2026, 11, 23)),  # a Saturday
        (date(2026, 11, 22), 10, date(2026, 12, 4)),  # a Sunday
    ],
)
def test_working_days_pass_over_the_weekend(received, days, due):
    assert Term(working_days=days).after(received) == due


def test_every_line_of_the_table_of_deadlines():
    """Section 2.1 of the requirements, line by line."""
    start = date(2026, 11, 16)
    assert LAWS["gdpr"].extension.after(LAWS["gdpr"].answer.after(start)) == date(2027, 2, 16)
    california = LAWS["ccpa"]
    assert california.acknowledge.after(start) == date(2026, 11, 30)
    assert california.term("erasure").after(start) == date(2026, 12, 31)
    assert california.extension.after(date(2026, 12, 31)) == date(2027, 2, 14)
    assert california.term("opt_out").after(start) == date(2026, 12, 7)
    assert LAWS["pipl"].term("access").after(start) == date(2026, 12, 7)
    assert LAWS["usual"].term("opt_out").after(start) == date(2026, 12, 7)
    assert LAWS["pipl"].extension is LAWS["usual"].extension is None


@pytest.mark.parametrize(
    ("place", "law"),
    [("DE", "gdpr"), ("DE-BY", "gdpr"), ("GB", "gdpr"), ("NO", "gdpr"), ("US-CA", "ccpa"),
     ("US", "usual"), ("US-NY", "usual"), ("CN", "pipl"), ("CN-SH", "pipl"), ("", "usual")],
)  # fmt: skip
def test_the_place_says_which_law_counts(place, law):
    assert law_of(place) == law
