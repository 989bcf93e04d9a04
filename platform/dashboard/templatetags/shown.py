"""How values are shown: numbers, times, small groups, icons. Formats only; reads no data."""

from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from dashboard import small_groups
from dashboard.wording.errors import refusal_of
from tenants.errors import AppError

register = template.Library()

# Django's message levels, and our own kinds of notice.
NOTICE_KINDS = {
    "debug": "info",
    "info": "info",
    "success": "good",
    "good": "good",
    "warning": "warn",
    "warn": "warn",
    "error": "bad",
    "bad": "bad",
}
ABSENT = "–"


@register.simple_tag
def icon(name: str, size: int = 20) -> SafeString:
    """One symbol of icons.svg, hidden from screen readers: the words beside it say the same."""
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" aria-hidden="true"><use href="{1}#{2}"/></svg>',
        size,
        static("dashboard/icons.svg"),
        name,
    )


@register.filter
def number(value: float | str | None) -> str:
    """1044847 -> 1,044,847. Both of our languages group by commas and use a decimal point."""
    if isinstance(value, str):
        return value
    return ABSENT if value is None else f"{value:,}"


@register.filter
def metric(value: float | None) -> str:
    """A ranking figure with four decimals."""
    return ABSENT if value is None else f"{value:.4f}"


@register.filter
def percent(value: float | None) -> str:
    """0.4567 -> 45.7 %."""
    return ABSENT if value is None else f"{value * 100:.1f} %"


@register.filter
def fine_percent(value: float) -> str:
    """A small share with three digits that say something: 0.0000456 -> 0.00456 %."""
    return f"{value * 100:.3g} %"


@register.filter
def few(value: int | None) -> str:
    """A number of subjects, hidden when it is a small group."""
    return ABSENT if value is None else small_groups.few(value)


@register.filter
def notice_kind(tags: str) -> str:
    """The kind of notice for a message's tags."""
    return NOTICE_KINDS.get(str(tags).split()[-1] if tags else "info", "info")


@register.filter
def day(value: date | None) -> str:
    """A date nobody can misread: 23 Nov 2026."""
    return formats.date_format(value, pgettext("date format", "j M Y")) if value else ABSENT


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A time in the tenant's zone, as a <time> element with the exact instant."""
    if value is None:
        return ABSENT
    local = timezone.localtime(value)
    text = formats.date_format(local, pgettext("time format", "j M Y, H:i"))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        local.strftime("%Y-%m-%d %H:%M:%S %Z"),
        text,
    )


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Seconds or a timedelta in at most two units: 48 s, 3 min 20 s, 2 h 5 min."""
    if value is None:
        return ABSENT
    seconds = round(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 60:
        return gettext("%(seconds)d s") % {"seconds": seconds}
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return gettext("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    hours, rest = divmod(minutes, 60)
    return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}


@register.filter
def weeks(value: int) -> str:
    """8 -> 8 weeks."""
    return ngettext("%(count)s week", "%(count)s weeks", value) % {"count": value}


@register.filter
def short_hash(value: Any) -> str:
    """The first twelve hexadecimal digits of a hash, bytes or text."""
    text = bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
    return text[:12]


@register.simple_tag
def share_bar(fraction: float | None, colour: int = 1) -> SafeString | str:
    """A small bar, 0..1 of its width; attributes instead of styles, which the policy forbids."""
    if fraction is None:
        return ""
    return format_html(
        '<svg class="share" aria-hidden="true"><rect class="share-track" width="100%" height="100%"'
        ' rx="4"/><rect class="share-{}" width="{}%" height="100%" rx="4"/></svg>',
        colour,
        f"{max(0.0, min(1.0, fraction)) * 100:.2f}",
    )


@register.filter
def full_hash(value: Any) -> str:
    """All hexadecimal digits of a hash in bytes."""
    return bytes(value).hex()


@register.filter
def read_value(value: Any) -> SafeString | str:
    """A cell of a file as it was read: a time in the tenant's zone, a number, yes or no, a text."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int | float):
        return number(int(value) if value == int(value) else value)
    return ABSENT if value is None else str(value)[:80]


FILE_FACTS = {
    "format": gettext_lazy("Format"),
    "packing": gettext_lazy("Packed with"),
    "encoding": gettext_lazy("Encoding"),
    "delimiter": gettext_lazy("Delimiter"),
    "header_line": gettext_lazy("Line of the headings"),
    "declared_rows": gettext_lazy("Rows as the file declares"),
}


@register.filter
def file_fact(name: str) -> str:
    """What a reader found out about a file, by its name in the report."""
    return str(FILE_FACTS.get(name, name))


@register.filter
def found_value(value: float | str | None) -> str:
    """What was found out: a number as `number` has it, a mark that nobody could see by its name."""
    return gettext("Tab") if value == "\t" else number(value)


@register.filter
def signed(value: float) -> str:
    """A difference with its sign: +0.0123."""
    return f"{value:+.4f}"


@register.filter
def day_of(value: str) -> str:
    """The day of a time that a manifest holds as ISO text, in the tenant's zone."""
    return day(timezone.localtime(datetime.fromisoformat(value)).date())


WINDOW_NAMES = {"validation": gettext_lazy("Validation"), "test": gettext_lazy("Test")}


@register.filter
def window_name(name: str) -> str:
    """A window of the split in words."""
    return str(WINDOW_NAMES.get(name, name))


@register.filter
def svg_percent(value: float) -> str:
    """A share of 1 as a width or position inside an SVG, in any language with a point."""
    return f"{value * 100:.2f}%"


@register.filter
def with_code(text: str) -> SafeString:
    """Text in which `words in backticks` become code."""
    parts = text.split("`")
    pieces = (("<code>{}</code>" if index % 2 else "{}", part) for index, part in enumerate(parts))
    return format_html_join("", "{}", ((format_html(form, part),) for form, part in pieces))


@register.filter
def refusal(error: AppError) -> str:
    """A service's refusal in the reader's language."""
    return refusal_of(error)
