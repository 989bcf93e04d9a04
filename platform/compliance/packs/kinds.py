"""The packs themselves: which sections make up each. Settings list them as kinds of evidence."""

from django.utils.translation import gettext_lazy as _

from compliance.packs import facts, models_facts
from compliance.packs.pack import Section, pack


def _processing() -> list[Section]:
    return [
        facts.controller(),
        facts.purposes(),
        facts.notices(),
        facts.data(),
        facts.retention(),
        facts.measures(),
    ]


def _impact() -> list[Section]:
    return [
        facts.controller(),
        facts.purposes(),
        facts.data(),
        facts.consents(),
        models_facts.logic(),
        models_facts.models(),
        facts.retention(),
        facts.measures(),
        models_facts.choices(),
        Section("assessment", _("Assessment"), "GDPR 35(7), 35(9), 35(11); PIPL 55, 56",
                facts.asked("necessity", "risks", "against_risks", "consulted", "conclusion")),
    ]  # fmt: skip


def _algorithm() -> list[Section]:
    return [
        Section("service", _("Service"), "Algorithm Provisions 16, 24", facts.asked("service")),
        facts.controller(),
        models_facts.logic(),
        models_facts.choices(),
        models_facts.models(),
    ]


processing = pack("record-of-processing", _("Record of processing"), _processing)
impact = pack("impact-assessment", _("Impact assessment"), _impact)
algorithm = pack("algorithm-statement", _("Algorithm statement"), _algorithm)
