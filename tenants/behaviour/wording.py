"""Stored codes as sentences in the reader's language, each saying what to do.

One line per outcome of a row; the sentences for refused files stand in `refusals`.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.behaviour.cleaning.rates import USUAL
from tenants.behaviour.cleaning.sifting import CLOCK_SKEW, ID_LENGTH
from tenants.behaviour.refusals import REFUSALS, figures

FIGURES = {
    "id_length": ID_LENGTH,
    "minutes": int(CLOCK_SKEW.total_seconds() // 60),
    "acts": USUAL,
}

REJECTED: Mapping[str, str | Promise] = {
    "unparseable": _(
        "The row has more or fewer cells than there are headings, or the line is no JSON object. "
        "Put texts that contain the delimiter in quotation marks; write each object on one line."
    ),
    "unclosed_quote": _(
        "A quotation mark in this row is never closed, so the rest of the file was read as part "
        "of it. Close it and upload this row and all rows after it again."
    ),
    "bad_encoding": _("The row holds characters in another encoding. Save the file as UTF-8."),
    "cell_too_long": _("A cell is too long to be read. Shorten it."),
    "control_character": _("The row holds invisible control characters. Remove them."),
    "missing_user": _("No user id. Rows of unknown people cannot be used; nothing to do."),
    "missing_item": _("No item id. Add the id of the item."),
    "missing_time": _("No time. Add when it happened."),
    "bad_time": _(
        "The time cannot be read or is impossible. Write it as 2024-05-31 14:30:00; one "
        "with the year last is read where a date order is set."
    ),
    "future_time": _(
        "The time lies more than %(minutes)s minutes ahead. Check the clock and the time zone."
    ),
    "time_without_zone": _(
        "The time does not say its zone. Write it as 2024-05-31T14:30:00+02:00 or with Z."
    ),
    "id_too_long": _("An id is longer than %(id_length)s characters. Check which column is which."),
    "text_too_long": _("A text is too long to be stored. Shorten it."),
    "context_personal": _(
        "A context value looks like one person's (an address, a long number). Send groups alone, "
        "or leave the key out."
    ),
    "missing_type": _("No event type. Fill the column or choose a type for the whole file."),
    "unknown_type": _("The event type is not known. Use one of the types on the events page."),
    "cancellation": _("A cancelled order. It took its purchase back; nothing to do."),
    "cancellation_unmatched": _(
        "A cancelled order whose purchase is not stored: it is not here, comes later in the file, "
        "or waits for consent. Upload this row again once the purchase is here."
    ),
    "pseudo_item": _(
        "Postage, a charge or a correction, not an item. It is left out; change the patterns if "
        "it is an item."
    ),
    "bad_quantity": _("The quantity is no number above zero. Correct it."),
    "bad_price": _(
        "The price is no number from zero up. Correct it, or set the file's decimal mark."
    ),
    "bad_value": _("The value is no possible number. Correct it, or set the file's decimal mark."),
    "bot_like": _(
        "More acts of one person in one minute than a person can do (%(acts)s, unless the file's "
        "options say otherwise). If they are real, set acts_per_minute and upload the row again."
    ),
    "unknown_item": _(
        "No catalogue has told of this item, and only known items were asked for. Upload the item, "
        "then this row again."
    ),
    "bad_flag": _("Neither yes nor no. Write true or false."),
    "bad_attributes": _('The attributes are no JSON object. Write them as {"colour": "red"}.'),
    "quarantine_full": _(
        "Too many rows wait for consent already. Upload the consent records of the people in "
        "them, then this row again."
    ),
    "erased": _(
        "Nobody has this id: the person was erased, or their id was corrected. Send the right id, "
        "or a consent that they gave since."
    ),
    "missing_purpose": _("No purpose. Say what the person was asked for."),
    "unknown_purpose": _("The purpose is not known. Use one of the listed purposes."),
    "missing_event": _("No event. Say whether consent was given, refused or withdrawn."),
    "unknown_event": _("The event is not known. Use one of the listed events."),
    "missing_lawful_basis": _("No lawful basis. A granting record must name it."),
    "unknown_lawful_basis": _("The lawful basis is not known. Use one of the listed ones."),
    "missing_notice": _("No notice id or version. A granting record must name what was shown."),
    "missing_collection_method": _("No collection method. Say how consent was collected."),
    "missing_jurisdiction": _("No jurisdiction. Write a code such as GB, DE-BY or CN-11."),
    "bad_hash": _("The notice's SHA-256 is not 64 hexadecimal digits. Correct it."),
    "bad_place": _("A country or region code is malformed. Write a code such as GB or DE-BY."),
    "bad_expiry": _("An expiry date cannot be read or does not say its zone. Correct it."),
    "notice_unknown": _("The notice shown is not archived. Archive it, then upload the row again."),
    "purpose_not_in_notice": _("The notice does not ask for this purpose. Name the one that does."),
    "record_unknown": _(
        "The consent record that the event names is none of this person. Send the record first."
    ),
    "event_withholds": _("The event itself says that it may be used for nothing. Leave it out."),
    "not_landed": _(
        "A fault of ours kept this from being stored, and it has been given up. Send it again."
    ),
    "unknown_age_band": _("The age band is not known. Use one of the listed bands."),
}

DUPLICATE: Mapping[str, str | Promise] = {
    "duplicate": _("The same row stands earlier in the file. The first one counts."),
    "cancellation_again": _("The cancellation took its purchase back before. Nothing to do."),
    "already_stored": _("The same event is already stored. Nothing to do."),
}

QUARANTINED: Mapping[str, str | Promise] = {
    "no_record": _("No consent record for this person. Upload it to release the row."),
    "purpose_missing": _("The person has not consented to any purpose we could use this for."),
    "requested": _("The person has been asked but has not answered. Upload the answer."),
    "refused": _("The person refused. The row expires unless they consent."),
    "opted_out": _("The person opted out. The row expires unless they consent."),
    "withdrawn": _("The person withdrew consent. The row expires unless they consent again."),
    "expired": _("The consent has expired. Ask the person to renew it."),
    "invalidated": _("The consent was declared invalid. Ask the person again."),
    "conflict": _("The records contradict each other. Upload evidence that settles it."),
    "restricted": _("The person's data is restricted. It is released when the restriction ends."),
    "objected": _("The person objected. The row expires unless the objection is lifted."),
    "notice_changed": _("The notice has changed since the person consented. Ask them to renew."),
    "minor_no_guardian": _("A child without a guardian's record. Upload the guardian's record."),
    "notice_unknown": _("The notice shown is not archived. Archive it, then upload again."),
    "bad_time": _("The consent record's time is impossible. Correct the record."),
}

# The same outcomes of an event that came by itself: no file, no heading, no column.
STREAMED: Mapping[tuple[str, str], str | Promise] = {
    ("rejected", "missing_type"): _("No event type. Name one of the types on the events page."),
    ("rejected", "pseudo_item"): _(
        "Postage, a charge or a correction, not an item. It is left out."
    ),
    ("rejected", "bad_price"): _("The price is no number from zero up. Correct it."),
    ("rejected", "bad_value"): _("The value is no possible number. Correct it."),
    ("rejected", "quarantine_full"): _(
        "Too many events wait for consent already. Record the consent of the people in them, "
        "then send this event again."
    ),
    ("duplicate", "duplicate"): _(
        "The same event stands earlier in the request. The first counts."
    ),
    ("quarantined", "no_record"): _(
        "No consent record for this person. The event is held back until one arrives."
    ),
}

# What a request told beside events, as the record of the request names it.
PASSED_OVER: Mapping[str, str | Promise] = {
    "malformed": _("This is no message. Send objects with a type."),
    "unknown_call": _("A call of this kind is not known. Nothing is read of it."),
    "identify": _("Who somebody is: no trait is kept, and no two ids become one person."),
    "group": _("To which group somebody belongs: it is not kept."),
    "alias": _("That two ids are one person's: nobody becomes one with another by it."),
    "no_user": _("Neither userId nor anonymousId. Send one of them."),
    "no_name": _("A track call without an event. Name it."),
    "no_item": _("No item can be named. Send product_id or sku among the properties."),
    "untold": _("This name tells nothing of one item. It is left out; nothing to do."),
    "bad_time": _("A time cannot be read or is impossible. Write it as 2026-11-16T09:30:00Z."),
    "bad_consent": _(
        "The consent preferences cannot be read, so the act is not taken. Send true or false for "
        "each category."
    ),
    "unmapped_category": _(
        "This consent category was refused, and stands for no purpose. Map it on the page of "
        "consent signals."
    ),
}

# Kinds of personal data (`tenants/masking`), as the report of an upload names them.
PERSONAL: Mapping[str, str | Promise] = {
    "email": _("e-mail address"),
    "cn_resident_id": _("Chinese resident identity number"),
    "iban": _("IBAN"),
    "bank_card": _("bank card"),
    "cn_mobile": _("Chinese mobile number"),
    "cn_landline": _("Chinese landline"),
    "phone": _("telephone number"),
    "us_ssn": _("US social security number"),
    "ipv4": _("IP address"),
    "ipv6": _("IP address (version 6)"),
    "passport": _("passport or travel permit"),
    "wechat": _("WeChat name"),
    "qq": _("QQ number"),
    "cn_plate": _("Chinese licence plate"),
    "birth_date": _("date of birth"),
    "address": _("postal address"),
    "postcode": _("postcode"),
    "name": _("person's name"),
}

WORDING = {"rejected": REJECTED, "duplicate": DUPLICATE, "quarantined": QUARANTINED}


def outcome_text(bucket: str, code: str) -> str:
    """The sentence for an outcome of a row, in the active language."""
    return str(WORDING[bucket][code]) % FIGURES


def streamed_text(bucket: str, code: str) -> str:
    """The sentence for an outcome of a streamed event or what was told beside it, in the active
    language.
    """
    own = STREAMED.get((bucket, code))
    if bucket not in WORDING:
        own = PASSED_OVER[code]
    return outcome_text(bucket, code) if own is None else str(own)


def item_text(bucket: str, code: str) -> str:
    """The sentence for an outcome of an item that came by itself, in the active language."""
    if bucket == "duplicate":
        return gettext("The same item stands earlier in the request. The first counts.")
    return streamed_text(bucket, code)


def refusal_text(code: str, params: Mapping[str, Any]) -> str:
    """The sentence for a refused file, in the active language."""
    return gettext(REFUSALS[code]) % figures(params)
