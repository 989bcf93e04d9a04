"""One coarse expression that every text with personal data fits, for engines without look-around
(polars): of many texts, only those that fit are looked at closely.
"""

from tenants.masking.announced import NAMED, NAMED_EN
from tenants.masking.places import REGIONS, STREET, WAY

_DIGIT = "[0-9０-９]"
CANDIDATE = "(?i)" + "|".join((
    "[@＠]",
    rf"{_DIGIT}(?:[ ().\-－–]{{0,2}}{_DIGIT}){{6}}",
    r"[0-9]\.[0-9]{1,3}\.[0-9]",
    "[0-9a-f]{0,4}:[0-9a-f]{0,4}:",
    "微信|薇信|威信|v信|weixin|wechat|[wv]x|qq|扣扣|企鹅|出生|生日|birth|d\\.?o\\.?b|born on",
    "邮编|邮政|post ?code|zip",
    NAMED,
    NAMED_EN,
    f"[{REGIONS}][a-z]",
    rf"(?:{WAY}).{{0,4}}{_DIGIT}",
    rf"[0-9][a-z]? .{{1,60}}\b(?:{STREET})\b",
))  # fmt: skip
