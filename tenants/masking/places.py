"""Shapes of where somebody lives, and of what they drive: postal addresses, licence plates."""

from tenants.masking.kind import HAN, kind

REGIONS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
WAY = "大道|路|街|巷|弄|胡同|小区|花园|新村|苑"
STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Terrace|Crescent|Close|Gardens"
)
_GOODS = "Sign|Map|Mat|Poster|Print|Lamp|Set|Toy|Puzzle|Style|Game|Kit"

PLACES = (
    kind(
        "cn_plate",
        rf"[{REGIONS}][A-HJ-NP-Z][·• -]?(?=[A-Z0-9]*\d)"
        r"(?:[A-HJ-NP-Z0-9]{5,6}|[A-HJ-NP-Z0-9]{4}[挂学警港澳领])(?![A-Za-z0-9])",
        "|".join(REGIONS),
    ),
    # A road and a number are asked for; city and district may stand before, a room behind.
    kind(
        "address",
        rf"(?:[{HAN}]{{2,8}}(?:省|自治区))?(?:[{HAN}]{{2,6}}(?:市|自治州|盟))?"
        rf"(?:[{HAN}]{{1,6}}(?:区|县|旗))?[{HAN}]{{1,8}}(?:{WAY})"
        rf"[{HAN}]{{0,4}}\d{{1,5}}(?:号院|号楼|号|弄|幢|栋|座)"
        rf"(?:[0-9A-Za-z{HAN}-]{{0,8}}?(?:室|单元|户|房|层|楼|座|栋|幢|厦)){{0,3}}",
        WAY,
    ),
    kind(
        "address",
        r"(?<![\w$€£.-])\d{1,5}[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][a-z'’]+ ){1,3}"
        rf"(?:{STREET})\b\.?(?:,? (?:Apt|Apartment|Unit|Suite|Flat|#)\.? ?\w{{1,6}})?"
        rf"(?! (?:[A-Z][a-z]+ )?(?:{_GOODS}))",
        "street| st|ave|road| rd|boulevard|blvd|lane| ln|drive| dr|terrace|crescent|close|gardens",
    ),
)
