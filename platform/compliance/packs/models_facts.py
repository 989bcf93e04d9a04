"""What packs say of models: which serves, what it was made of, how judged, who allowed it."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from compliance.packs.facts import about, asked
from compliance.packs.pack import Fact, Section
from tenants.audit.canonical import timestamp
from tenants.behaviour.types.event_types import stored_types
from training.jobs.declaring import declared
from training.jobs.gates import verdicts
from training.jobs.models import StandingApproval, Version, VersionOverride
from training.jobs.queries import serving, sources

LATEST = 20  # versions


def models() -> Section:
    """The latest versions with data, gates and approvals."""
    now = serving()
    serves = now.version.pk if now else None
    found = Version.objects.select_related("snapshot", "job").order_by("-number")[:LATEST]
    approval = StandingApproval.objects.first()
    return Section("models", _("Models"), "GDPR 35(7)(a); AI Act 10, 14, 15", [
        Fact("versions", _("Latest versions"), [_version(one, serves) for one in found]),
        Fact("standing_approval", _("Versions that pass every gate publish by themselves"),
             bool(approval and approval.enabled)),
        Fact("overrides", _("Approvals in spite of a failed gate"), [
            {"version": one.version.public_id, "asked_by": one.asked_by,
             "confirmed_by": one.confirmed_by, "reason": one.reason}
            for one in VersionOverride.objects.select_related("version").order_by("id")
        ]),
    ])  # fmt: skip


def _version(one: Version, serves: Any) -> dict[str, Any]:
    return {
        "version": one.public_id,
        "serves_now": one.pk == serves,
        "state": one.state,
        "base_model": one.job.base_model,
        "snapshot": one.snapshot.public_id,
        "snapshot_sha256": bytes(one.snapshot.sha256).hex(),
        "people": about(one.snapshot.subjects),
        "events": one.snapshot.events,
        "weights": {kind["name"]: kind["weight"] for kind in one.snapshot.event_types},
        "made_at": timestamp(one.created_at),
        "gates": {line["gate"]: line["outcome"] for line in verdicts(one)},
        "approved_by": one.approved_by,
    }


def logic() -> Section:
    """By what the ranking is made, in plain words and the figures of what serves."""
    now = serving()
    told = [
        {"source": one["name"], "ndcg@10": _figure(one)}
        for one in (sources(now.version) if now else [])
    ]
    weights = {kind.name: kind.weight for kind in stored_types().types}
    groups = declared()
    law = "GDPR 13(2)(f); PIPL 24; Algorithm Provisions 12, 16"
    return Section("logic", _("Main logic"), law, [
        Fact("inputs", _("What is looked at"), [
            _("a person's own recent events on items, with their times, where they consent"),
            _("what items other consenting people act on, in sum"),
            _("texts, categories and prices of items"),
        ]),
        Fact("not_inputs", _("What is not looked at"), [
            _("name, address, age, sex or any other trait of a person"),
            _("what a person would pay: an answer tells the item's own price"),
        ]),
        Fact("weights", _("How much each kind of event counts"), weights),
        Fact("serving", _("The version that answers now"),
             now.version.public_id if now else _("none: the popular list")),
        Fact("sources", _("Its sources of score, by their quality on held-out weeks"), told),
        Fact("reasons", _("With every answer"),
             _("reasons in words, the purpose and the version; each is kept in the log")),
        Fact("review", _("Review of each version"),
             _("on held-out weeks against what serves, each single source and declared groups, "
               "before it may answer")),
        Fact("groups", _("Groups declared for the check of fairness"),
             {"people": groups.subjects or _("none"), "items": groups.items or _("none")}),
    ])  # fmt: skip


def _figure(source: dict[str, Any]) -> float | None:
    return ((source.get("metrics") or {}).get("validation") or {}).get("ndcg@10")


def choices() -> Section:
    """What a person can do about it."""
    law = "Algorithm Provisions 17, 21; PIPL 16, 24, 47"
    return Section("choices", _("What people can do"), law, [
        Fact("off", _("Switching personal recommendation off"),
             _("by one withdrawal, in force from the next answer on; the common list remains")),
        Fact("tags", _("Tags of a person"),
             _("none are stored; what is derived follows from events that can be seen and erased")),
        Fact("price", _("Price and terms"), _("the same for everybody, whatever is known of them")),
        *asked("ecology", "audience", "complaints"),
    ])  # fmt: skip
