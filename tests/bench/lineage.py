"""`make bench-lineage`: consents of models and models of consents at 1,000,000 events.

People, consents, events and frozen data are made by statements of the database; the API is asked as
a tenant asks it. Every page of every model's consents is walked; then the models of consent records
chosen at random, some of them in no model. QUICK=1: a tenth of it. Ends with one JSON object.
"""

import json
import os
import random
import time
from typing import Any

from tests.bench.stage import on_stage

QUICK = bool(os.environ.get("QUICK"))
EVENTS = 100_000 if QUICK else 1_000_000
PEOPLE = EVENTS // 20
ASKED = 200 if QUICK else 1000
# Of the people, in per cent from the first on, who is in each model's data.
SHARES = ((0, 100), (0, 60), (50, 95))
PAGE = 100

SUBJECTS = """
insert into subjects_subject (tenant_id, lookup, key_version, created_at)
select %(tenant)s, decode(md5(n::text), 'hex'), 1, now() from generate_series(1, %(people)s) n
"""
RECORDS = """
insert into consent_consentrecord (tenant_id, id, format, receipt_id, controller_name,
    controller_contact, subject_id, purpose, lawful_basis, event, pii_categories, sensitive,
    notice_version, notice_language, collection_method, ui_variant, jurisdiction,
    jurisdiction_derivation, event_time, received_at, recorded_at, age_band, recipients,
    storage_country, transfer_mechanism, evidence, withdrawal_method, record_hash)
select s.tenant_id, gen_random_uuid(), 1, 'r' || s.id || p.purpose, '', '', s.id, p.purpose,
    'consent', 'given', '{}', false, '1', 'en', 'api', '', 'GB', 'declared', now(), now(), now(),
    '', '{}', '', '', '{}', '', decode(md5(p.purpose || s.id), 'hex')
from subjects_subject s, (values ('model_training'), ('analytics')) p(purpose)
"""
EVENTS_MADE = """
insert into behaviour_event (tenant_id, occurred_at, subject_id, item_id, type, dedup)
select s.tenant_id, now() - n * interval '1 hour', s.id, %(item)s, 1, gen_random_uuid()
from subjects_subject s, generate_series(1, %(each)s) n
"""
MEMBERS = """
insert into jobs_snapshotsubject (tenant_id, snapshot_id, subject_id, consent_record_id, events,
    content_hash)
select tenant_id, %(snapshot)s, subject_id, id, 20, '' from (
    select r.*, 100 * row_number() over (order by subject_id) / %(people)s as place
    from consent_consentrecord r where purpose = 'model_training') r
where place >= %(low)s and place < %(high)s
"""


def main() -> int:
    from django.core.management import call_command

    from tests.bench.stage import UNLIMITED
    from tests.business import make_business

    call_command("migrate", database="owner", interactive=False, verbosity=0)
    business = make_business("Alice")
    fill(business, UNLIMITED)
    with business.scope:
        from tenants.consent.models import ConsentRecord
        from training.jobs.models import Version

        versions = [one.public_id for one in Version.objects.order_by("number")]
        records = list(ConsentRecord.objects.values_list("id", flat=True))
    ask(business, "/v1/models")  # the first answer of a process loads what all of them need
    there, slowest_there, pages = walk_models(business, versions)
    asked = sample(records)
    back, slowest_back = walk_consents(business, asked)
    result = {
        "events": EVENTS,
        "consent_records": len(records),
        "pairs": len(there),
        "exact_inverses": {pair for pair in there if pair[0] in asked} == back,
        "pages_walked": pages,
        "consents_asked": len(asked),
        "slowest_consents_of_model_seconds": round(slowest_there, 3),
        "slowest_models_of_consent_seconds": round(slowest_back, 3),
    }
    print(json.dumps(result))
    quick = max(slowest_there, slowest_back) < 2.0
    return 0 if result["exact_inverses"] and quick and there else 1


def fill(business: Any, limits: dict[str, Any]) -> None:
    """Everything in the database, and three versions without files: lineage needs none."""
    from django.db import connection

    from tenants.accounts.models import Tenant
    from tenants.behaviour.models import Item
    from tests.connections import as_owner_of
    from training.jobs import life
    from training.jobs.models import Job, Snapshot, Version

    begun = time.monotonic()
    with business.scope:
        Tenant.objects.filter(pk=business.tenant.id).update(granted=limits)
        item = Item.objects.create(external_id="item")
        values: dict[str, Any] = {"tenant": business.tenant.id, "people": PEOPLE}
        with connection.cursor() as cursor:
            cursor.execute(SUBJECTS, values)
            cursor.execute(RECORDS)
            cursor.execute(EVENTS_MADE, {"item": item.pk, "each": EVENTS // PEOPLE})
        for number, (low, high) in enumerate(SHARES, start=1):
            snapshot = Snapshot.objects.create(
                purpose="model_training", policy_version="bench", sha256=bytes([number] * 32),
                events=EVENTS, subjects=PEOPLE * (high - low) // 100, items=1,
            )  # fmt: skip
            with connection.cursor() as cursor:
                shares = {"snapshot": snapshot.pk, "low": low, "high": high}
                cursor.execute(MEMBERS, {**values, **shares})
            job = Job.objects.create(
                base_model="tiny", state=life.SUCCEEDED, snapshot=snapshot, actor_ref="bench"
            )
            Version.objects.create(
                number=number, job=job, snapshot=snapshot, manifest={},
                manifest_sha256=bytes([number] * 32), bytes=0,
            )  # fmt: skip
    with as_owner_of(connection.settings_dict["NAME"]) as owner:
        owner.execute("analyze")  # as PostgreSQL does by itself within minutes
    print(f"{EVENTS} events of {PEOPLE} people made in {time.monotonic() - begun:.1f} s")


def walk_models(business: Any, versions: list[str]) -> tuple[set[tuple[str, str]], float, int]:
    """(record, version) of every page of every model's consents, the slowest answer, the pages."""
    found, slowest, pages = set(), 0.0, 0
    for version in versions:
        after = ""
        while after is not None:
            address = f"/v1/models/{version}/consents?limit={PAGE}{after}"
            answer, seconds = ask(business, address)
            slowest, pages = max(slowest, seconds), pages + 1
            found |= {(line["id"], version) for line in answer["data"]}
            after = f"&after={answer['data'][-1]['id']}" if answer["has_more"] else None
    return found, slowest, pages


def walk_consents(business: Any, records: set[str]) -> tuple[set[tuple[str, str]], float]:
    found, slowest = set(), 0.0
    for record in records:
        answer, seconds = ask(business, f"/v1/consents/{record}/models?limit={PAGE}")
        slowest = max(slowest, seconds)
        assert not answer["has_more"]
        found |= {(record, line["id"]) for line in answer["data"]}
    return found, slowest


def sample(records: list[Any]) -> set[str]:
    from tenants.ids import public_id

    chosen = random.Random(7).sample(records, ASKED)
    return {public_id("consent record", record) for record in chosen}


def ask(business: Any, address: str) -> tuple[dict[str, Any], float]:
    from django.test import Client

    begun = time.perf_counter()
    answer = Client().get(address, headers=business.headers)
    seconds = time.perf_counter() - begun
    assert answer.status_code == 200, answer.content
    return answer.json(), seconds


if __name__ == "__main__":
    on_stage(main)
