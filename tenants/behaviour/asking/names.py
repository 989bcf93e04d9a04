"""Words by which headings hint at a column of ours where neither its name nor an alias stands.

Only tables and how a heading is cut into words; Chinese headings are looked through for theirs.
"""

import re
from functools import lru_cache

from tenants.behaviour.columns.schema import CONSENTS, EVENTS, ITEMS, UploadKind

_USER = ("user", "customer", "client", "buyer", "member", "visitor", "shopper", "account",
         "who", "用户", "客户", "会员", "买家", "顾客")  # fmt: skip
_ITEM = ("item", "product", "article", "sku", "movie", "film", "book", "song", "track", "goods",
         "what", "商品", "产品", "货号")  # fmt: skip
# Words of headings that tell of a person: what is so named is nothing else of ours.
BIRTH = ("birth", "birthday", "birthdate", "born", "dob", "生日", "出生")
PERSONAL = (*_USER, *BIRTH, "first", "last", "surname", "fullname",
            "email", "mail", "phone", "telephone", "mobile", "address", "姓名", "生日", "电话",
            "手机", "邮箱", "地址")  # fmt: skip
_TIME = ("time", "date", "timestamp", "when", "day", "时间", "日期")
_TITLE = ("title", "name", "标题", "名称", "品名")
_CATEGORY = ("category", "genre", "genres", "department", "group", "类别", "分类", "品类", "类目")
_PRICE = ("price", "cost", "价格", "单价", "售价")

HINTS: dict[UploadKind, dict[str, tuple[str, ...]]] = {
    EVENTS: {
        "user_id": _USER,
        "item_id": _ITEM,
        "type": ("type", "event", "action", "activity", "行为", "类型"),
        "occurred_at": _TIME,
        "value": ("value", "rating", "score", "stars", "amount", "total", "评分", "金额"),
        "quantity": ("quantity", "qty", "units", "pieces", "数量"),
        "price": _PRICE,
        "order_id": ("order", "invoice", "receipt", "transaction", "订单", "发票"),
        "item_title": (*_TITLE, "description"),
        "item_category": _CATEGORY,
    },
    ITEMS: {
        "item_id": (*_ITEM, "id", "编号"),
        "title": _TITLE,
        "text": ("description", "text", "summary", "body", "描述", "简介", "详情"),
        "category": _CATEGORY,
        "price": _PRICE,
        "available": ("available", "stock", "active", "上架", "有货"),
        "attributes": ("attributes", "properties", "属性"),
    },
    CONSENTS: {
        "user_id": _USER,
        "purpose": ("purpose", "目的"),
        "event": ("event", "status", "decision", "answer", "状态"),
        "event_time": _TIME,
        "notice_version": ("version", "版本"),
        "jurisdiction": ("country", "region", "国家", "地区"),
        "evidence": ("evidence", "proof", "凭证"),
    },
}


@lru_cache(4_096)
def words(heading: str) -> frozenset[str]:
    """'purchaseDate' and 'Purchase date' are {purchase, date}."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", heading)
    return frozenset(word.casefold() for word in re.split(r"[\W_]+", apart) if word)


def hints_at(heading: str, hints: tuple[str, ...]) -> bool:
    """Whether one of the words stands in the heading; Chinese has no blanks between its words."""
    found = words(heading)
    return any(hint in found or (not hint.isascii() and hint in heading) for hint in hints)
