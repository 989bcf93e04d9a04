"""What only the tenant can say for its packs: asked on a page, never made up."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from compliance.models import Statement
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant

LONGEST = 4_000  # characters of an answer


@dataclass(frozen=True)
class Question:
    """One question: its name in rows and packs, its words, and the law that asks."""

    name: str
    says: str | Promise
    law: str


QUESTIONS = (
    Question("officer", _("Data protection officer or representative, with contact"),
             "GDPR 27, 30(1)(a), 37; PIPL 52, 53"),
    Question("operator", _("Who runs this installation for you, and under which contract"),
             "GDPR 28, 30(1)(d); PIPL 21"),
    Question("people", _("Whose data these are"), "GDPR 30(1)(c)"),
    Question("transfers", _("Transfers abroad, and on which ground"),
             "GDPR 30(1)(e), 44-49; PIPL 38-40"),
    Question("own_measures", _("Your own technical and organisational measures beside those here"),
             "GDPR 30(1)(g), 32; PIPL 51"),
    Question("necessity", _("Why this processing is necessary and in proportion"),
             "GDPR 35(7)(b); PIPL 56(1)"),
    Question("risks", _("Risks to people's rights that you see"), "GDPR 35(7)(c); PIPL 56(2)"),
    Question("against_risks", _("What you do against these risks"), "GDPR 35(7)(d); PIPL 56(3)"),
    Question("consulted", _("Whom you have asked for their views, and what they said"),
             "GDPR 35(2), 35(9)"),
    Question("conclusion", _("Conclusion, who drew it and when, and when it is looked at again"),
             "GDPR 35(1), 35(11); PIPL 56"),
    Question("service", _("Name of the service, and the number under which its algorithm is filed"),
             "Algorithm Provisions 16, 24"),
    Question("audience", _("Whether minors or older people use it, and how they are protected"),
             "Algorithm Provisions 18, 19"),
    Question("ecology", _("Rules of manual intervention and of what may be shown"),
             "Algorithm Provisions 10, 11"),
    Question("complaints", _("Where people complain and how soon they are answered"),
             "Algorithm Provisions 22; GDPR 12"),
)  # fmt: skip
BY_NAME = {question.name: question for question in QUESTIONS}


def statements() -> dict[str, str]:
    """What the tenant in scope has stated, by question."""
    return dict(Statement.objects.values_list("name", "text"))


@transaction.atomic
def state(*, answers: Mapping[str, str], actor: Actor) -> None:
    """Keep the answers; an empty one opens its question again. AppError unknown_question,
    statement_too_long."""
    before, changed = statements(), []
    for name, text in answers.items():
        text = text.strip()
        if name not in BY_NAME:
            raise AppError("unknown_question", "There is no such question.", param=name)
        if len(text) > LONGEST:
            raise AppError("statement_too_long", f"Write at most {LONGEST} characters.", param=name)
        if text == before.get(name, ""):
            continue
        changed.append(name)
        if text:
            Statement.objects.update_or_create(
                tenant_id=current_tenant(),
                name=name,
                defaults={"text": text, "actor_ref": actor.ref},
            )
        else:
            Statement.objects.filter(name=name).delete()
    if changed:
        record(AuditEvent.STATEMENTS_CHANGED, actor=actor, details={"names": sorted(changed)})
