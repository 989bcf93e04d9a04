"""A person's export tells how long their data are kept by the tenant's own days in force."""

from compliance.retention.choosing import choose_retention
from compliance.retention.classes import CLASSES
from tests.tenants.rights.asking import exported, rows


def told(business, user_id: str) -> dict[str, tuple[str, int | None]]:
    lines = rows(exported(business, user_id), "retention")
    return {line["table"]: (line["kept"], line["days"]) for line in lines}


def test_an_export_tells_the_days_that_the_tenant_has_in_force(alice, bob):
    """GDPR 15(1)(d)."""
    usual = told(alice, "u1")
    assert usual["event"] == ("until the person is erased", None)
    assert usual["quarantined_row"][1] == 30 and usual["decision"][1] == 1095
    assert usual["consent_state"] == ("until the person is erased", None)
    with alice.scope:
        choose_retention(days={"events": 400, "quarantine": 7, "decisions": 180}, actor=alice.actor)
    chosen = told(alice, "u2")
    assert chosen["event"] == ("until the person is erased, 400 days at most", 400)
    assert chosen["quarantined_row"] == (
        "until a consent frees it, or the person is erased, 7 days at most", 7
    )  # fmt: skip
    assert chosen["decision"][1] == 180
    assert told(bob, "u1") == usual


def test_each_table_that_a_class_names_is_one_of_a_store(alice):
    tables = [table for one in CLASSES for table in one.tables]
    assert tables and set(tables) <= set(told(alice, "u1"))
