"""Every code that a page may show has words; a new code without any fails here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dashboard.pages.keys import SCOPE_NAMES
from dashboard.wording import audit, errors, gates, lineage, mapping, models, states, taints
from tenants.access.rights import SCOPES
from tenants.behaviour.columns.schema import EVENT_TYPES
from tenants.behaviour.models import Upload
from tenants.behaviour.refusals import REFUSALS
from tenants.consent.vocabulary import Purpose
from tenants.erasure.counting import KEPT
from tenants.erasure.models import Erasure
from tenants.erasure.reach import reaches
from training.engine.evaluate import FUSION
from training.engine.sources import SOURCES
from training.engine.tasks.recommendation.pipeline import SHARES
from training.engine.text import Reading
from training.jobs import life
from training.jobs.gates import GATES
from training.jobs.models import Version
from training.jobs.taints import REFUSALS as REFUSALS_OF_VERSIONS
from training.jobs.taints import TAINTS

ROOT = Path(__file__).resolve().parents[3]
ERRORS = {"AppError", "Conflict", "JobError", "TooLittleData"}
# Raised only where a key calls or a tenant is set up, never on the way of a page.
ONLY_BY_API = {
    "invalid_value", "key_missing", "key_invalid", "scope_missing", "bad_time", "notice_unknown",
    "purpose_not_in_notice", "notice_empty", "notice_exists", "notice_text_exists",
    "bad_idempotency_key",
    "idempotency_conflict", "idempotency_in_progress", "length_required", "bad_request",
    "internal_error", "unknown_key_kind", "https_required",
    "bad_limit", "grace_not_over", "limit_not_granted", "tenant_not_suspended", "unknown_limit",
    "unknown_plan", "record_unknown", "unknown_age_band", "unknown_timezone", "erased",
    "idempotent_answer_erased", "too_many_acts", "bad_item", "bad_digest",
}  # fmt: skip


def codes(folder: str, names: set[str]) -> Iterator[tuple[str, str]]:
    """(code, file) of every error of `names` that is made with a literal code."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value, path.name


def test_every_refusal_that_a_page_can_meet_is_worded():
    found = {code for folder in ("tenants", "training") for code, _ in codes(folder, ERRORS)}
    assert {"jobs_queued", "too_little_data", "file_too_large"} <= found
    assert sorted(found - set(errors.ERRORS) - set(REFUSALS) - ONLY_BY_API) == []


def test_every_fault_of_a_verification_is_worded():
    tree = ast.parse((ROOT / "tenants/audit/verify.py").read_text(encoding="utf-8"))
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert set(audit.FAULTS) - texts == set()
    returned = {
        n.value.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Return) and isinstance(n.value, ast.Constant)
        if isinstance(n.value.value, str) and n.value.value
    }
    given = {
        k.value.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Call)
        for k in n.keywords
        if k.arg == "code" and isinstance(k.value, ast.Constant)
    }
    assert (returned | given) - set(audit.FAULTS) == set()


def test_every_stage_and_source_of_the_engine_is_worded():
    assert set(SHARES) - set(models.STAGES) == set()
    assert {*SOURCES, FUSION} - set(models.SOURCES) == set()
    assert {*SOURCES, FUSION} - set(models.SOURCE_COLOURS) == set()


def test_every_note_about_language_is_worded():
    noted = {word.strip(".") for word in (Reading.__doc__ or "").split() if "_" in word}
    assert {"base_reads_part", "no_text"} <= noted
    assert noted - set(models.LANGUAGE_NOTES) == set()


def test_every_gate_state_kind_and_purpose_is_worded():
    assert {gate.code for gate in GATES} == set(gates.GATES)
    tree = ast.parse((ROOT / "training/jobs/gates.py").read_text(encoding="utf-8"))
    reasons = {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Verdict"
        and isinstance(node.args[1], ast.Constant)
    }
    obstacles = {"unreadable", "other_task", "saw_the_window", "other_units"}
    assert reasons | obstacles == set(gates.REASONS)
    assert set(states.UPLOAD_KINDS) == set(Upload.KINDS)
    assert set(states.UPLOADS) == {*Upload.OPEN, Upload.DONE, Upload.FAILED}
    assert set(states.JOBS) == set(life.STATES)
    known = {Version.EVALUATED, Version.APPROVED, *Version.GONE}
    assert set(states.VERSIONS) == known
    assert set(taints.WHY) == set(TAINTS)
    assert set(lineage.ERASURES) == set(Erasure.STATES)
    assert set(lineage.WHY_KEPT) == set(KEPT)
    assert {reach.name for reach in reaches()} <= set(lineage.COUNTED)
    assert set(REFUSALS_OF_VERSIONS) <= set(errors.ERRORS)
    assert set(states.EVENT_TYPES) == {kind.name for kind in EVENT_TYPES}
    assert set(states.PURPOSES) == {purpose.value for purpose in Purpose}


def test_every_reason_of_a_proposal_is_worded():
    """Codes stand as texts in the rules: each is a key, and no key is of nothing."""
    sources = ("contents.py", "proposing.py")
    folder = ROOT / "tenants/behaviour/asking"
    told = " ".join((folder / name).read_text(encoding="utf-8") for name in sources)
    told += (ROOT / "platform/dashboard/reading_choices.py").read_text(encoding="utf-8")
    assert {code for code in mapping.REASONS if f'"{code}"' not in told} == set()
    found = set(re.findall(r'\d, "(\w+)"', told)) | {"name", "alias", "hint"}
    assert found <= set(mapping.REASONS)


def test_every_scope_that_a_key_may_have_is_worded():
    assert set(SCOPE_NAMES) == set(SCOPES)


def test_a_code_without_words_is_shown_as_it_is():
    assert models.said(models.STAGES, "a_new_stage") == "a_new_stage"
    assert errors.error_text("a_new_code", {}) == "a_new_code"
    assert errors.error_text("a_new_code", {}, "What the service said.") == "What the service said."


def test_a_sentence_takes_its_values_and_survives_their_absence():
    assert models.said(models.JOB_EVENTS, "job.started", {"attempt": 2}) == "Started, attempt 2"
    assert models.said(models.JOB_EVENTS, "job.started") == "Started, attempt …"
