"""The columns of uploads in words: one line for each column of `columns.schema`."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

COLUMN_TYPES: dict[str, str | Promise] = {
    "id": _("id"),
    "text": _("text"),
    "number": _("number"),
    "time": _("time"),
    "word": _("word"),
    "flag": _("yes or no"),
    "list": _("words, with | between"),
    "json": _("JSON object"),
}
MEANINGS: dict[str, dict[str, str | Promise]] = {
    "events": {
        "user_id": _("Your own id of the person. It is kept encrypted."),
        "item_id": _("Your own id of the item."),
        "type": _("What the person did. A file without it may name one type for all its rows."),
        "occurred_at": _("When. Without a zone, the zone of the upload counts."),
        "value": _(
            "Money of the act, or the stars of a rating. Empty: price times quantity, where both "
            "are told."
        ),
        "quantity": _("How many pieces."),
        "price": _("Price of one piece."),
        "order_id": _("The order that it is part of."),
        "event_id": _("Your own id of the event: the same one counts once."),
        "item_title": _("Title of the item, where it is not known yet."),
        "item_category": _("Category of the item, where it is not known yet."),
        "consent_record_id": _("The consent record that the event rests on."),
        "purposes": _("The only purposes that the event may be used for."),
        "withheld": _("Purposes that the event may not be used for."),
        "consent_time": _("When the consent was given that the event rests on."),
    },
    "items": {
        "item_id": _("Your own id of the item."),
        "title": _("What models and people read first."),
        "text": _("A description. Models read it too."),
        "category": _("One category."),
        "price": _("Price of one piece."),
        "available": _("Whether it may be recommended now. Empty means yes."),
        "attributes": _("Anything else, by name."),
    },
    "consents": {
        "user_id": _("Your own id of the person, as in your events."),
        "purpose": _("What the person was asked for; one row for each purpose."),
        "event": _("What happened to the consent."),
        "event_time": _("When, with its zone."),
        "lawful_basis": _("On what it rests. Needed where something is allowed."),
        "notice_id": _("The archived notice that was shown. Needed where something is allowed."),
        "notice_version": _("Its version. Needed where something is allowed."),
        "notice_lang": _("The language in which it was shown."),
        "notice_sha256": _("SHA-256 of the notice's bytes, if you keep it."),
        "collection_method": _("How it was collected. Needed where something is allowed."),
        "ui_variant": _("Which form or banner was shown."),
        "jurisdiction": _("Country or region whose law counts. Needed where something is allowed."),
        "jurisdiction_source": _("How you know the jurisdiction."),
        "expires_at": _("When the consent ends by itself."),
        "retention_until": _("Until when the record must be kept."),
        "age_band": _("How old the person is. Empty means an adult."),
        "record_id": _("Your own id of the record."),
        "guardian_record_id": _("The record of the guardian who agreed for a child."),
        "supersedes": _("The record that this one takes the place of."),
        "pii_categories": _("Which kinds of personal data it is about."),
        "sensitive": _("Whether it is about sensitive data."),
        "evidence": _("What shows that it was given."),
        "recipients": _("To whom data may be passed on."),
        "storage_country": _("Where the data are kept."),
        "transfer_mechanism": _("On what a transfer abroad rests."),
        "withdrawal_method": _("How it can be withdrawn."),
    },
}
