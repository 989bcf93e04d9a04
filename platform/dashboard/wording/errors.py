"""Refusals as sentences in the reader's language: code -> words, each saying what to do.

Services state their message in English for the API; pages look here first.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.wording.models import said
from tenants.behaviour.refusals import REFUSALS
from tenants.behaviour.wording import refusal_text
from tenants.errors import AppError

ERRORS: dict[str, str | Promise] = {
    "asker_gone": _("Who asked for this may no longer. Ask for it anew."),
    "already_approved": _("This version is approved already."),
    "already_invited": _("This address has been invited. Withdraw that invitation first."),
    "already_published": _("This version serves already."),
    "artifact_damaged": _("A file of this version is damaged or gone. Train it again."),
    "bad_origin": _("Write each page as https://shop.example, without a path, up to 20 of them."),
    "bad_overlap": _("Choose up to 30 days of overlap."),
    "bad_rate": _("Write a number of requests per second above 0."),
    "bad_email": _("Write an e-mail address."),
    "bad_retention": _("Choose at least as many days as stand beside it, and no more than usual."),
    "unknown_class": _("There is nothing to choose for this class."),
    "unknown_question": _("There is no such question. Load the page again."),
    "statement_too_long": _("The text is too long. Write at most 4,000 characters."),
    "bad_rule": _(
        "Write whole days from 0 to 365 and shares from 0 to 100 %; 0 switches a reason off."
    ),
    "bad_replace_days": _("Write whole days from 1 to 30."),
    "bad_event_type": _(
        "Write a name of letters or digits, up to %(length)s characters, and at most %(most)s "
        "further names."
    ),
    "bad_weight": _("Write a weight from -1 to 1 that is not 0."),
    "type_name_taken": _("“%(name)s” names the type %(type)s already. Choose another name."),
    "too_many_types": _("There are %(most)s types of your own. Use one of them."),
    "bad_signal": _("This is no signal of that kind. Send it as it came."),
    "bad_signals": _(
        "Name a known signal, a category and a purpose; none stands for training a model."
    ),
    "bad_uses": _("Every use needs a purpose of its own. Choose the missing one."),
    "bad_groups": _("Choose one of the keys that your data hold."),
    "bad_job": _("The job's order cannot be read. Start a new job."),
    "bad_param": _("A parameter has a value that it cannot have. Correct it and start again."),
    "bad_snapshot": _("The frozen data cannot be read. Start a new job."),
    "base_model_missing": _(
        "The base model is not on this machine. Choose one that is, or install it."
    ),
    "base_model_not_allowed": _(
        "This installation does not allow that base model. Whoever runs it can add it."
    ),
    "certificate_not_ready": _("Files and caches are still being destroyed. Ask again soon."),
    "close_live_tenant": _("A test tenant closes with its live one. Close that one."),
    "crashed": _("Processing stopped several times. Upload the file again."),
    "device_missing": _("The wanted device is not on this machine. Choose another one."),
    "disk_full": _(
        "The disk is full, so the job rests at its last checkpoint. Ask whoever runs the "
        "installation to free space, then resume it."
    ),
    "already_erased": _("This person is erased already."),
    "expiry_far": _("A key lasts ten years at most. Choose a day within ten years."),
    "expiry_past": _("The expiry lies in the past. Choose a later day."),
    "export_first": _("Make an export first: closing deletes everything."),
    "export_gone": _("This export has no file any more. Make a new one."),
    "export_not_ready": _("This export is not ready yet. Wait until it is."),
    "export_open": _("An export is being made already. Wait until it is ready."),
    "file_altered": _("The stored file was altered. Upload it again."),
    "file_gone": _("The stored file is gone. Upload it again."),
    "file_too_large": _("The file is too large. Split it and upload the parts."),
    "not_receiving": _("This upload takes no parts any more. Upload the file again."),
    "not_waiting": _("This file does not wait for that. Load the page again."),
    "part_beyond": _("The file is longer than it was when it was begun. Upload it again."),
    "part_damaged": _("A part of the file arrived damaged. Send it again."),
    "part_differs": _("This is not the file that was begun. Upload it as a new one."),
    "part_gap": _("%(here)s bytes of the file are here. Go on from there."),
    "part_size": _("A part of the file has a length that it cannot have. Upload it again."),
    "parts_missing": _("%(here)s of %(bytes)s bytes are here. Send the rest first."),
    "flag_not_set": _("Nothing of this kind is set for this person. Load the page anew."),
    "gate_failed": _(
        "The version did not pass every check. Two members together can approve it all the same."
    ),
    "job_ended": _("This job has ended. There is nothing to cancel."),
    "jobs_queued": _(
        "%(most)s of your jobs wait already, as many as your plan allows. Wait until one of them "
        "runs, or cancel one."
    ),
    "key_expired": _("This key has expired. Make a new one."),
    "key_revoked": _("This key is revoked already."),
    "key_rotated": _("This key has a successor already. Replace that one."),
    "not_enough_evidence": _(
        "There is not enough evidence for every check. A member must decide, with a reason."
    ),
    "nothing_failed": _("No check failed. Approve the version as it is."),
    "own_override": _("Another member must confirm what you asked for."),
    "person_needed": _("This needs a person who is a member."),
    "name_differs": _("This is not the tenant's name. Type it as it is written above."),
    "name_missing": _("Give it a name that says where it is used."),
    "origins_not_public": _("Only a public key has pages: no other kind belongs in a browser."),
    "not_pausable": _("Only a job that waits or runs can be paused."),
    "not_paused": _("Only a paused job can be resumed."),
    "not_approved": _("Approve this version before you publish it."),
    "not_found": _("There is no such thing here. It may belong to another tenant."),
    "last_owner": _("A tenant keeps one owner. Make somebody else an owner first."),
    "member_exists": _("This person is a member already."),
    "members_live": _("Members are managed in the live tenant. Switch to it first."),
    "not_repeatable": _(
        "Only a job that made a version under a whole record can be repeated. Train it anew."
    ),
    "no_room": _(
        "The disk of this installation is full, so nothing was stored. Send it again later, or "
        "ask whoever runs the installation to make room."
    ),
    "no_curves": _("This job has no curves: it has not run yet, or its data are destroyed."),
    "nothing_before": _("There is no earlier version to go back to."),
    "over_budget": _(
        "This job needs about %(amount)s s of training time. Of this month's %(limit)s s, "
        "%(used)s s are used and %(reserved)s s reserved for your open jobs. Wait until one ends, "
        "or cancel one; the month ends on %(until)s."
    ),
    "too_many_devices": _(
        "No machine here can give one job %(devices)s devices. Choose at most %(most)s."
    ),
    "own_role": _("Nobody changes their own role. Ask another owner."),
    "owner_only": _("Only an owner makes or unmakes owners. Ask one."),
    "person_exists": _("This address has an account already. Sign in with it."),
    "out_of_memory": _(
        "The job needed more memory than there is, three times. Start one with a smaller "
        "batch_size or shorter text_tokens, or on a machine with more memory."
    ),
    "poisoned": _(
        "The job died three times at the same place: %(stage)s, %(percent)s %% of the whole. Look "
        "at its record, then start anew."
    ),
    "quota_exceeded": _(
        "What you may use in a month is used up. It begins anew on %(until)s; ask the operator of "
        "the installation for more."
    ),
    "reason_missing": _("Say why, for the record."),
    "repeat_failed": _("The repeated run did not end well. Look at what the engine says."),
    "scopes_missing": _("Choose at least one scope."),
    "snapshot_gone": _("The frozen data of this job were deleted. Start a new job."),
    "snapshot_damaged": _("The frozen data were altered. Start a new job."),
    "standing_changed": _("Your place in this tenant has changed meanwhile. Load the page anew."),
    "storage_full": _(
        "With this file your files would take %(used)s of the %(allowed)s that you may use. Wait "
        "until earlier uploads are processed, or ask the operator of the installation for more."
    ),
    "store_unreachable": _(
        "The files of this version cannot be reached now. Try again later; if that does not help, "
        "ask whoever runs the installation."
    ),
    "tenant_not_closing": _("This tenant is not being closed, or it is too late."),
    "tenant_resting": _(
        "This tenant rests, and its test mode would rest with it. Open it once the tenant works."
    ),
    "tenant_suspended": _("This tenant is suspended already."),
    "test_exists": _("There is a test mode already. Switch to it."),
    "test_of_test": _("This is the test mode already."),
    "too_little_data": _(
        "Too little data may be used for training. Upload more events, or consent records for "
        "the people in them."
    ),
    "no_checkpoint": _("There is no checkpoint yet. Come back in five minutes."),
    "copy_differs": _(
        "Another checkpoint lies there under the same name. Keep it, and tell whoever runs the "
        "installation."
    ),
    "place_unreachable": _("The place could not be reached. It is tried again each minute."),
    "unknown_place": _("Choose one of the offered places."),
    "unknown_evidence": _("This installation makes no such export. Choose another one."),
    "unknown_filter": _("This export cannot be filtered by that. Leave the field empty."),
    "unknown_person": _("Nobody is known by this id. Write it as your systems do."),
    "bad_filter": _(
        "Write a day such as 2026-11-01, a beginning before the end, and at most 200 characters."
    ),
    "version_gone": _("The weights of this version are destroyed. Train a new one."),
    "version_stopped": _("This version may not serve any more. Train a new one."),
    "version_tainted": _("People in this version's data have gone. Train a new one."),
    "already_extended": _("This request was extended already. Answer it."),
    "already_verified": _("Who asks is verified already. Carry it out."),
    "answer_missing": _("Write what you tell the person."),
    "erasure_begun": _("The erasure has begun and cannot be taken back."),
    "evidence_missing": _("Say how the person showed who they are."),
    "export_missing": _("Wait until the export is ready, or make a new one."),
    "extension_late": _("The first term is over. Answer this request now."),
    "identity_missing": _("Verify first who asks, then carry it out."),
    "act_later": _("The event cannot lie in the future. Correct its time."),
    "id_taken": _("Another person has this id. Two cannot be made one here."),
    "no_rectification": _("This request does not ask for a correction. Open one that does."),
    "nothing_changed": _("Nothing would be different. Say what is wrong."),
    "unknown_type": _("Choose one of the offered kinds."),
    "item_or_category": _("Choose either an item or a category."),
    "no_export": _("A request of this kind is answered without an export."),
    "no_extension": _("The law of this request gives no further time. Answer it in time."),
    "person_erased": _("The person was erased meanwhile. There is nothing to export."),
    "received_later": _("The request cannot come in later than now. Correct the day."),
    "received_long_ago": _("The request came in more than two years ago. Correct the day."),
    "request_ended": _("This request has ended. Open a new one."),
    "request_open": _("A request of this kind is open for this person. Answer that one."),
    "unknown_proof": _("Choose one of the offered kinds of proof."),
    "unknown_reason": _("Choose one of the offered reasons."),
    "unknown_request_kind": _("Choose one of the offered kinds."),
    "unknown_item": _(
        "An event names an item that is not known. Upload the items, then train again."
    ),
    "unknown_timezone": _("Choose one of the offered time zones."),
    "unknown_kind": _("Choose events, items or consent records."),
    "unknown_method": _("Choose one of the offered methods."),
    "unknown_role": _("Choose one of the offered roles."),
    "unknown_scope": _("There is no such scope. Choose from those that are offered."),
    "unknown_param": _("There is no such parameter. Correct its name and start again."),
}


def error_text(code: str, params: Mapping[str, Any], message: str = "") -> str:
    """The sentence for a stored or raised code; its own message, else the code, without one."""
    if code in ERRORS:
        return said(ERRORS, code, params)
    if code in REFUSALS:
        return refusal_text(code, params)
    return message or code


def refusal_of(error: AppError) -> str:
    """The sentence for a refusal that was just raised."""
    return error_text(error.code, error.params, error.message)
