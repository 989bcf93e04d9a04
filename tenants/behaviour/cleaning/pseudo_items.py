"""Rows of a shop's export that sell no item: postage, charges, corrections. One table of patterns.

A pattern must match the whole id or the whole title, whatever the case, so that 'FRENCH CARRIAGE
LANTERN' stays an item. One-letter codes are left to a tenant's own patterns.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PseudoItem:
    """One kind of row to leave out. Empty patterns match nothing; see polars for the syntax."""

    name: str
    item_id: str = ""
    title: str = ""


PSEUDO_ITEMS = (
    PseudoItem("postage", r"post|postage|shipping|delivery",
               r"(\w+ ){0,2}(postage|shipping|delivery)( (costs?|charges?|fees?))?"),
    PseudoItem("carriage", r"carriage", r"(next day )?carriage( charges?)?"),
    PseudoItem("bank_charges", r"bank[ _]?charges?", r"bank charges?"),
    PseudoItem("fee", r"amazon[ _]?fees?|fees?", r"(\w+ )?(fees?|commission)"),
    PseudoItem("packing", r"packing", r"packing charges?"),
    PseudoItem("manual", r"manual", r"manual"),
    PseudoItem("adjustment", r"adjust(ment)?\d*",
               r"(\w+ )?adjust(ment)?|adjust(ment)? (by|bad debt)\b.*"),
    PseudoItem("discount", r"discount", r"(\w+ )?discount"),
    PseudoItem("sample", r"samples?", r"samples?"),
    PseudoItem("gift_voucher", r"gift_\d+_\d+|gift[ _]?vouchers?",
               r"(.* )?gift (vouchers?|certificates?)( \W*\w?\W*[\d.,]+)?"),
    PseudoItem("test_product", r"test\d*", r"(this is a )?test( product)?\.?"),
)  # fmt: skip


def one_pattern(patterns: tuple[str, ...]) -> str | None:
    """All patterns as one that matches whole text without regard to case, or None for none."""
    given = [f"(?:{pattern})" for pattern in patterns if pattern]
    return f"(?is)^(?:{'|'.join(given)})$" if given else None
