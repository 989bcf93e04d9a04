"""What an uploaded file may hold: event types and the columns of events, items and consent records.

Only tables. To add an event type or a column, add one line here; codes are stored, never reuse one.
What a tenant changes of the types and adds to them is laid over this table in `type_table`.
"""

import re
from dataclasses import dataclass

# Codes from here up are of types that tenants make for themselves.
FIRST_OWN = 100


@dataclass(frozen=True)
class EventType:
    """One act of a subject on an item.

    `code` is the stored smallint. `weight` says how much the act tells about taste, negative for
    dislike. A `trade` moves goods, so its quantity must be above zero and its value not below.
    """

    name: str
    code: int
    weight: float
    trade: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def positive(self) -> bool:
        """Whether the act speaks for its item."""
        return self.weight > 0

    @property
    def own(self) -> bool:
        """Whether a tenant made it: its name is shown as it was written."""
        return self.code >= FIRST_OWN


EVENT_TYPES = (
    EventType("view", 1, 0.2, aliases=("pageview", "detailpageview", "impressionview")),
    EventType("click", 2, 0.3, aliases=("clickthrough", "tap")),
    EventType("add_to_cart", 3, 0.6, trade=True, aliases=("cart", "basket", "addtobasket")),
    EventType(
        "purchase",
        4,
        1.0,
        trade=True,
        aliases=("transaction", "buy", "sale", "order", "orderitem", "sold"),
    ),
    EventType("rating", 5, 0.8, aliases=("rate", "stars")),
    EventType("like", 6, 0.7, aliases=("favorite", "favourite", "wishlist", "bookmark")),
    EventType("share", 7, 0.8),
    EventType("comment", 8, 0.6, aliases=("review",)),
    EventType("dislike", 9, -0.7, aliases=("thumbsdown",)),
    EventType("dismiss", 10, -0.4, aliases=("hide", "notinterested")),
    EventType("search", 11, 0.1),
)


@dataclass(frozen=True)
class Column:
    """One of our columns: how it reads, and under which other headings files bring it.

    `type` is one of id, text, number, time, word, flag, list, json.
    """

    name: str
    type: str
    required: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class UploadKind:
    """What one uploaded file is about, and the columns it may hold."""

    name: str
    columns: tuple[Column, ...]


USER_ALIASES = (
    "user", "uid", "customerid", "customer", "custid", "clientid", "memberid", "visitorid",
    "buyerid", "profileid", "subjectid", "reviewerid",
)  # fmt: skip
ITEM_ALIASES = (
    "item", "productid", "product", "sku", "stockcode", "articleid", "asin", "movieid",
    "contentid", "itemcode", "goodsid",
)  # fmt: skip
TITLE_ALIASES = (
    "title",
    "productname",
    "itemname",
    "description",
    "name",
    "producttitle",
)
CATEGORY_ALIASES = (
    "category",
    "productcategory",
    "genres",
    "genre",
    "department",
    "categoryname",
)
PRICE_ALIASES = ("unitprice", "itemprice", "productprice", "listprice")

EVENTS = UploadKind(
    "events",
    (
        Column("user_id", "id", True, USER_ALIASES),
        Column("item_id", "id", True, ITEM_ALIASES),
        Column("type", "word", False, ("event", "eventtype", "eventname", "action", "behaviour")),
        Column(
            "occurred_at",
            "time",
            True,
            ("timestamp", "time", "datetime", "date", "eventtime", "invoicedate", "orderdate",
             "createdat", "ts"),
        ),
        Column(
            "value",
            "number",
            False,
            ("amount", "total", "linetotal", "revenue", "rating", "score", "eventvalue"),
        ),
        Column("quantity", "number", False, ("qty", "units", "count")),
        Column("price", "number", False, PRICE_ALIASES),
        Column(
            "order_id",
            "id",
            False,
            ("order", "invoiceno", "invoice", "orderno", "ordernumber", "transactionid",
             "invoicenumber"),
        ),
        Column("event_id", "id", False, ("messageid", "eventuuid", "insertid")),
        Column("item_title", "text", False, TITLE_ALIASES),
        Column("item_category", "text", False, CATEGORY_ALIASES),
        # What the event says of consent itself, see `carriage`.
        Column("consent_record_id", "id", False, ("consentid",)),
        Column("purposes", "list", False, ("consentpurposes",)),
        Column("withheld", "list", False, ("withheldpurposes",)),
        Column("consent_time", "time", False, ("consentedat",)),
    ),
)  # fmt: skip

ITEMS = UploadKind(
    "items",
    (
        Column("item_id", "id", True, ("id", *ITEM_ALIASES)),
        Column("title", "text", False, ("itemtitle", "productname", "itemname", "name",
                                        "producttitle")),
        Column("text", "text", False, ("description", "itemtext", "body", "longdescription",
                                       "content")),
        Column("category", "text", False, ("itemcategory", *CATEGORY_ALIASES[1:])),
        Column("price", "number", False, PRICE_ALIASES),
        Column("available", "flag", False, ("instock", "availability", "active", "enabled")),
        Column("attributes", "json", False, ("properties", "metadata")),
    ),
)  # fmt: skip

# The record of ISO/IEC TS 27560 as a file carries it; what we keep ourselves (record ids, both
# clocks, the file and the row) is not asked for. What a granting record needs beyond the four
# required columns is checked row by row: a withdrawal must never fail for want of a notice.
CONSENTS = UploadKind(
    "consents",
    (
        Column("user_id", "id", True, USER_ALIASES),
        Column("purpose", "word", True),
        Column("event", "word", True, ("consentevent", "status", "state")),
        Column(
            "event_time",
            "time",
            True,
            ("timestamp", "time", "consenttime", "occurredat"),
        ),
        Column("lawful_basis", "word", False, ("legalbasis",)),
        Column("notice_id", "id", False, ("policyid",)),
        Column("notice_version", "id", False, ("policyversion",)),
        Column("notice_lang", "word", False, ("noticelanguage", "language", "lang")),
        Column("notice_sha256", "word", False, ("noticehash",)),
        Column("collection_method", "word", False, ("method", "source", "channel")),
        Column("ui_variant", "text"),
        Column("jurisdiction", "id", False, ("country", "region")),
        Column("jurisdiction_source", "word"),
        Column("expires_at", "time", False, ("expiry", "expires", "validuntil")),
        Column("retention_until", "time"),
        Column("age_band", "word", False, ("agegroup",)),
        Column("record_id", "id", False, ("consentid", "consentrecordid")),
        Column("guardian_record_id", "id"),
        Column("supersedes", "id"),
        Column("pii_categories", "list", False, ("datacategories",)),
        Column("sensitive", "flag"),
        Column("evidence", "text", False, ("proof", "tcstring", "gppstring")),
        Column("recipients", "list"),
        Column("storage_country", "id"),
        Column("transfer_mechanism", "text"),
        Column("withdrawal_method", "text"),
    ),
)

KINDS = {kind.name: kind for kind in (EVENTS, ITEMS, CONSENTS)}


def plain_name(name: str) -> str:
    """The name without case, blanks and punctuation: 'Customer ID' and 'customer_id' are one."""
    return re.sub(r"[\W_]+", "", name.casefold())
