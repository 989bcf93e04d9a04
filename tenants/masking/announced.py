"""Shapes that are only believed after a word which announces them: names, handles, passports."""

from tenants.masking.kind import HAN, SAYS, kind

_LATIN = "A-Za-z\u00c0-\u024f"
NAMED = "收件人|收货人|联系人|姓名|持卡人|户名|买家|名字叫|名叫|我叫|本人"
NAMED_EN = (
    "my name is|full name|customer name|name of buyer|recipient|ship to|deliver to|attn|"
    "contact person|cardholder|signed by"
)
# The hundred-odd commonest family names, and the double ones.
_FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"
    "余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯"
    "龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_DOUBLE = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|慕容|令狐"
_AFTER_A_NAME = (
    "电话|手机|先生|女士|小姐|身份|住|地址|来自|收|的|在|是|签|下单|联系"  # or anything but Han
)

ANNOUNCED = (
    kind(
        "passport",
        rf"(?:护照|通行证|passport|travel document){SAYS}"
        r"(?P<it>[A-Za-z]{0,2}\d{7,9}(?![0-9A-Za-z]))",
        "护照|通行证|passport|travel doc",
        any_case=True,
    ),
    kind(
        "wechat",
        rf"(?:微信|weixin|wechat|v信|薇信|威信|(?<![A-Za-z])[wv]x[ :：号]){SAYS}"
        r"(?P<it>(?!(?:accept|account|payment|support)[a-z]*)"
        # A word of letters alone is a handle only where the text says that it is one.
        r"(?=[A-Za-z]+[0-9_-]|[A-Za-z]{9}|(?<=[:：号是为] )|(?<=[:：号是为]))"
        r"[A-Za-z][A-Za-z0-9_-]{5,19}(?![A-Za-z0-9_]))",
        "微信|weixin|wechat|wx|vx|v信|薇信|威信",
        any_case=True,
    ),
    kind(
        "qq",
        rf"(?:(?<![A-Za-z])QQ(?!群|音乐|糖|[A-Za-z])|扣扣|企鹅号){SAYS}(?P<it>[1-9]\d{{4,10}}(?!\d))",
        "qq|扣扣|企鹅",
        any_case=True,
    ),
    kind(
        "birth_date",
        "(?:出生日期|出生年月|生日|出生于|date of birth|"
        rf"d\.?o\.?b\.?|born on|birthday){SAYS}(?:on )?"
        r"(?P<it>(?:19|20)\d\d[-/.年] ?\d{1,2}[-/.月] ?\d{1,2}日?|"
        r"\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d|\d{1,2} [A-Za-z]{3,9} (?:19|20)\d\d|"
        r"[A-Za-z]{3,9} \d{1,2},? (?:19|20)\d\d)",
        "出生|生日|birth|dob|d.o|born",
        any_case=True,
    ),
    kind(
        "postcode",
        rf"(?:邮编|邮政编码|postcode|post code|zip(?: code)?){SAYS}"
        r"(?P<it>\d{5,6}(?:-\d{4})?(?!\d)|[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2}(?![A-Z0-9]))",
        "邮编|邮政|postcode|post code|zip",
        any_case=True,
    ),
    kind(
        "name",
        rf"(?:{NAMED})[ :：是为]{{0,3}}(?P<it>(?:[{_FAMILY}]|{_DOUBLE})"
        rf"(?:[{HAN}]{{1,2}}?(?=[^{HAN}]|$|{_AFTER_A_NAME})|[{HAN}]{{2}}))",
        NAMED,
    ),
    kind(
        "name",
        rf"(?:(?i:{NAMED_EN})\.?)[ :]{{1,3}}"
        rf"(?P<it>(?:(?:Mr|Mrs|Ms|Dr)\.? )?[A-Z][{_LATIN}'’-]+(?: [A-Z]\.)?"
        rf"(?: [A-Z][{_LATIN}'’-]+){{1,2}})",
        "name|recipient|ship to|deliver to|attn|contact person|cardholder|signed by",
    ),
)
