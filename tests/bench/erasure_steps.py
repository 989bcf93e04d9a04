"""The steps of `prove-erasure` that need the product's settings. Each line of JSON that comes is a
step and what is known so far; the line that answers it is what is known besides.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from uuid import UUID

import django

Known = dict[str, Any]
PATIENCE = 300.0  # seconds


def prepare(known: Known) -> Known:
    """A tenant with people, one of them the random id; a version of theirs that serves."""
    from tenants.accounts.models import Role
    from tenants.accounts.services import add_member
    from tenants.behaviour.arriving.accepting import accept_upload
    from tenants.behaviour.models import Upload
    from tests import shop
    from tests.business import Member, Person, make_business
    from tests.stocked import archive, stock_items
    from training.jobs.control import create_job
    from training.jobs.services import set_standing_approval

    business = make_business("prove-erasure")
    colleague = Person.objects.create_user("second@example.com", "x")
    archive(business)
    stock_items(business)
    people = range(known["people"])
    files = {Upload.CONSENTS: shop.consents(people), Upload.EVENTS: shop.purchases(people)}
    with business.scope:
        add_member(person=colleague, role=Role.ADMIN, actor=business.actor)
        second = Member.objects.get(person=colleague).public_id
        for kind, content in files.items():
            told = content.replace(shop.user(0).encode(), known["person"].encode())
            accept_upload(kind=kind, name=kind, chunks=[told], actor=business.actor)
    known |= {
        "tenant": str(business.tenant.id), "key": business.key, "member": business.member,
        "second": second, "other": shop.user(1),
    }  # fmt: skip
    until(known, lambda: not Upload.objects.exclude(state=Upload.DONE).exists())
    with business.scope:
        # The name is planted, in the clear: the look through the files must find it.
        job = create_job(
            actor=business.actor, base_model=known["base"], params=shop.QUICK,
            metadata={"planted": known["person"]},
        )  # fmt: skip
    known["version"] = published_of(known, {"pk": job.pk})
    with business.scope:
        set_standing_approval(enabled=True, reason="Proved here.", actor=business.actor)
    return {**known, **traces(known)}


def traces(known: Known) -> Known:
    """What the house holds of the person, as bytes in hex: none of it may be left."""
    import numpy as np

    from recommend.answering import history_of
    from recommend.bundles import BUNDLES
    from recommend.context import context_in_scope
    from tenants.subjects.models import SubjectKey
    from training.engine.history import settle
    from training.engine.sources.sequence import Sequence

    with scope(known):
        context = context_in_scope(known["person"])
        key = SubjectKey.objects.select_related("subject").get(subject_id=context.subject_id)
    assert context.manifest_sha256 and context.items
    bundle = BUNDLES.get(context.tenant_id, context.manifest_sha256)
    moment = context.times[0]
    past = settle(
        history_of(context), catalogue=bundle.items, types=bundle.types, now=moment,
        limit=bundle.history_limit,
    )  # fmt: skip
    held = {
        "look-up": context.lookup.hex(),
        "wrapped key": bytes(key.wrapped).hex(),
        "sealed id": bytes(key.subject.external_id_sealed).hex(),
        "history": np.array(context.items[:8], dtype=np.int64).tobytes().hex(),
    }
    # A version whose gates left the sequence model out makes no vector of anybody.
    for source in bundle.sources.values():
        if isinstance(source, Sequence):
            vector = source._read([past.newest(source.length)], moment).query[0]
            held["vector"] = vector.astype(np.float32).tobytes()[:24].hex()
    return {"subject": context.subject_id, "held": held}


def erase(known: Known) -> Known:
    """Ask for the erasure and see how soon the person is in no answer."""
    from tenants.erasure.models import Erasure
    from tenants.erasure.services import begin_erasure
    from training.jobs.models import Version

    assert answer(known, known["person"])["personalised"]
    begun = time.monotonic()
    with scope(known):
        erasure = begin_erasure(
            subject_id=known["subject"], actor=actor(known, "member"), request_ref="prove"
        )
    while answer(known, known["person"])["code"] != "unknown_user":
        if time.monotonic() > begun + PATIENCE:
            raise SystemExit(f"the person was still answered after {PATIENCE:.0f} s")
        time.sleep(0.001)
    seconds = time.monotonic() - begun
    others = answer(known, known["other"])
    until(known, lambda: Erasure.objects.get(pk=erasure.pk).state != Erasure.SWEEPING)
    with scope(known):
        tainted = list(Version.objects.exclude(taint="").values_list("number", flat=True))
    return {
        "erasure": erasure.public_id,
        "seconds_until_not_served": round(seconds, 3),
        "others_served_on": others["personalised"],
        "versions_tainted": len(tainted),
    }


def replace(known: Known) -> Known:
    """Wait for the clean version, let it serve, and look again as a day later."""
    from django.utils.timezone import now

    from tenants.audit.signing import public_key
    from tenants.erasure.models import Erasure
    from tenants.erasure.sweeping import look
    from training.jobs.models import Version

    published_of(known, {"trigger": "taint"})
    until(known, lambda: Version.objects.get(pk=UUID(known["version"])).is_gone)
    with scope(known):
        Erasure.objects.update(swept_at=now() - timedelta(hours=25))
    tenant_id = UUID(known["tenant"])
    until(known, lambda: look(tenant_id) or Erasure.objects.get().state == Erasure.FINISHED)
    with scope(known):
        replaced = Version.objects.filter(state=Version.REPLACED).count()
    address = f"/v1/erasures/{known['erasure']}"
    return {
        "versions_replaced": replaced,
        "certificate": ask(known, f"{address}/certificate"),
        "state": ask(known, address)["state"],
        "public_key": public_key(tenant_id).hex(),
    }


def restored(known: Known) -> Known:
    """Behind a restored backup: the product serves; is the person back?"""
    from tenants.erasure.models import Erasure

    code = answer(known, known["person"])["code"]
    until(known, lambda: Erasure.objects.get().state != Erasure.SWEEPING)
    return {"restored_answer": code}


def published_of(known: Known, which: Known) -> str:
    """The id of the version of a job, once it serves. People approve what stays unproved on so
    few people, or fails by chance; the standing approval publishes the rest."""
    from tenants.errors import Conflict
    from training.jobs.models import Job, Publication, Version
    from training.jobs.overriding import confirm_override, request_override
    from training.jobs.services import approve_version, publish_version

    def ended() -> bool:
        job = Job.objects.filter(**which).first()
        if job and job.state in ("failed", "cancelled"):
            raise SystemExit(f"the job ended as {job.state}: {job.error}")
        return bool(job) and Version.objects.filter(job=job).exists()

    until(known, ended)
    me, other = actor(known, "member"), actor(known, "second")
    with scope(known):
        version = Version.objects.get(job__in=Job.objects.filter(**which))
        if Publication.objects.filter(version=version).exists():
            return str(version.pk)
    try:
        with scope(known):
            approve_version(version_id=version.pk, actor=me, reason="A proof.")
    except Conflict as refused:
        if refused.code != "gate_failed":
            raise
        with scope(known):
            request_override(version_id=version.pk, actor=me, reason="A proof.")
            confirm_override(version_id=version.pk, actor=other)
    with scope(known):
        publish_version(version_id=version.pk, actor=me)
    return str(version.pk)


def scope(known: Known) -> Any:
    from tenants.isolation.scope import tenant_scope

    return tenant_scope(UUID(known["tenant"]))


def actor(known: Known, name: str) -> Any:
    from tenants.audit.actor import Actor

    return Actor(type="member", ref=known[name], role="owner", auth="bench")


def until(known: Known, holds: Callable[[], Any]) -> None:
    """Ask in the tenant's scope until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with scope(known):
            if holds():
                return
        if time.monotonic() > deadline:
            raise SystemExit(f"{holds.__name__} did not come within {PATIENCE:.0f} s")
        time.sleep(0.1)


def answer(known: Known, person: str) -> Known:
    return ask(known, f"/v1/recommendations?user_id={person}")


def ask(known: Known, address: str) -> Known:
    connection = HTTPConnection("127.0.0.1", known["port"], timeout=30)
    connection.request("GET", address, headers={"Authorization": f"Bearer {known['key']}"})
    return dict(json.loads(connection.getresponse().read()))


STEPS = {step.__name__: step for step in (prepare, erase, replace, restored)}

if __name__ == "__main__":
    django.setup()
    from django.db import connections

    from recommend import answering  # noqa: F401  # what takes long to load, before it is needed
    from tests import stocked  # noqa: F401

    for line in sys.stdin:
        name, known = json.loads(line)
        connections.close_all()  # the product may have been started anew
        print(json.dumps(STEPS[name](known)), flush=True)
