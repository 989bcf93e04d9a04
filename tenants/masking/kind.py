"""What one kind of personal data is to the search, and what the shapes of all kinds share."""

import re
from collections.abc import Callable
from dataclasses import dataclass

HAN = "\u4e00-\u9fff"
# No digit, letter, hyphen or point may touch a number: then it is a part of something else.
ALONE = r"(?<![0-9A-Za-z_\-./#@])"
ENDS = r"(?![0-9A-Za-z_]|[-.]\d)"
# What may stand between an announcing word and what it announces: "ID number is: ".
SAYS = r"(?:[^\S\n]{0,2}(?:号码?|no\.?|number|is|was|id|[:：=]|是|为)){0,3}[^\S\n]{0,3}"
PHONE_WORD = (
    "电话|座机|手机|传真|联系方式|致电|拨打|来电|热线|"
    "tel|phone|mobile|cell|call|fax|text me|whatsapp"
)

# The announcing word that stands last before a number decides. These speak of a thing:
UNLIKE = re.compile(
    r"(?i)订单|单号|编号|货号|型号|条码|序列号|批号|流水|交易|快递|运单|物流|版本|固件|工单|发票|"
    r"库存|销量|浏览|播放|阅读|积分|数量|#|(?<![a-z])(?:order|invoice|sku|isbn|issn|ean|upc|asin|"
    r"item|part|model|serial|track(?:ing)?|shipment|parcel|version|firmware|build|release|batch|lot|"
    r"ref(?:erence)?|ticket|case|article|code|barcode|v|ver|no|id|nr)s?\.?(?![a-z])"
)
# and these for a person:
LIKE = re.compile(
    rf"(?i){PHONE_WORD}|身份证|证件|卡号|银行卡|信用卡|借记卡|微信|联系|地址|登录|visa|"
    r"master(?:card)?|account|ssn|card(?: no\.?| number)?|social security(?: number| no\.?)?|"
    r"ip(?: address)?|address"
)
LOOKS_BACK = 24  # characters
# Digits that may be a number of somebody's: seven at least, whatever parts them.
DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){6}")


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    shape   what it looks like; the group `it` is what is masked, else the whole
    hints   words, one of which a text must hold for the shape to be looked for (in small letters:
            the search is dear, and most texts hold none); none where a row of digits is enough
    holds   whether the text found is one: its length in characters, 0 or False for none
    careful an order number may look like it, so what stands before is looked at
    """

    name: str
    shape: re.Pattern[str]
    hints: tuple[str, ...]
    holds: Callable[[str], bool | int]
    careful: bool


def kind(
    name: str,
    shape: str,
    hints: str = "",
    *,
    holds: Callable[[str], bool | int] = bool,
    careful: bool = False,
    any_case: bool = False,
) -> Kind:
    """A line of a table of shapes; `hints` are parted by |."""
    flags = re.ASCII | (re.IGNORECASE if any_case else 0)
    words = tuple(hints.split("|")) if hints else ()
    return Kind(name, re.compile(shape, flags), words, holds, careful)
