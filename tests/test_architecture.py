"""The house stands as the design says: floors, order, no circles, no signals, no side doors."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from tests.workers import LONG, TOGETHER

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "": ("tenants", "training"),
    "platform": ("attune", "dashboard", "compliance", "recommend", "demo"),
}
# Each may import what stands before it, and nothing that stands behind.
ORDER = (
    "tenants.errors", "tenants.ids", "tenants.csv_cells", "tenants.masking",
    "tenants.isolation", "tenants.work", "tenants.audit",
    "tenants.accounts", "tenants.access", "tenants.metering", "tenants.subjects",
    "tenants.departure", "tenants.evidence", "tenants.consent", "tenants.behaviour",
    "tenants.tracking", "tenants.erasure", "tenants.rights", "training.engine", "training.jobs",
    "recommend", "compliance", "dashboard", "demo", "attune",
)  # fmt: skip
# Exceptions to the order, each with its reason.
EXCUSED = {
    ("attune.settings", "tenants.work.kinds"): "the form of a line in the table of leased work",
}
SIGNALS = {
    "receiver", "pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed", "pre_init",
    "post_init", "pre_migrate", "post_migrate", "user_logged_in", "user_login_failed",
    "request_started", "request_finished",
}  # fmt: skip


def module_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts[1:] if parts[0] == "platform" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


MODULES = {
    module_of(path): ast.parse(path.read_text(), str(path))
    for path in python_files("tenants", "training", "platform")
}
LAUNCHER = {name for name in MODULES if name.split(".")[0] == "launcher"}
OURS = set(MODULES) - LAUNCHER


def imports(module: str) -> Iterator[str]:
    """Every module that `module` imports, also inside functions and for types alone."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)


def room_of(module: str) -> str | None:
    return next((room for room in ORDER if f"{module}.".startswith(f"{room}.")), None)


def test_every_module_stands_in_a_room_of_the_design():
    homeless = {name for name in OURS if room_of(name) is None}
    assert homeless == {"tenants", "training"}
    assert {room_of(name) for name in OURS} - {None} == set(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_nothing_imports_upward(room):
    upward = [
        (module, imported)
        for module in sorted(OURS)
        if room_of(module) == room
        for imported in imports(module)
        if (above := room_of(imported)) is not None
        and ORDER.index(above) > ORDER.index(room)
        and (module, imported) not in EXCUSED
    ]
    assert upward == []


def test_no_module_imports_itself_through_others():
    graph = {name: {each for each in imports(name) if each in MODULES} for name in MODULES}
    left = dict(graph)
    while left:  # whatever imports nothing that is left can be taken away; a circle cannot
        free = [name for name, used in left.items() if not (used - {name}) & set(left)]
        if not free:
            break
        for name in free:
            del left[name]
    assert sorted(left) == []


def test_the_engine_stands_on_its_own_ground():
    used = {
        imported
        for name in OURS
        if room_of(name) == "training.engine"
        for imported in imports(name)
    }
    foreign = {name for name in used if name.split(".")[0] in {"django", "tenants", "attune"}}
    assert foreign == set()
    ours = {name for name in used if name in MODULES}
    assert {room_of(name) for name in ours} == {"training.engine"}


def test_the_engine_runs_without_django():
    code = "import sys, training.engine.run; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_only_the_engine_loads_torch():
    """Every process of the product would start seconds later, and hold it for ever."""
    names = [name for name in OURS if room_of(name) != "training.engine"]
    code = (
        "import sys, importlib, django; django.setup()\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "print(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_launcher_needs_neither_django_nor_the_product():
    used = {imported.split(".")[0] for name in LAUNCHER for imported in imports(name)}
    assert (
        used & {"django", "attune", "tenants", "training", "recommend", "compliance", "dashboard"}
        == set()
    )
    assert len(LAUNCHER) > 5


def test_nothing_happens_by_signal():
    found = []
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in {
                "django.dispatch", "django.db.models.signals", "allauth.account.signals",
            }:  # fmt: skip
                found.append(name)
            if isinstance(node, ast.Name | ast.Attribute):
                word = node.id if isinstance(node, ast.Name) else node.attr
                if word in SIGNALS:
                    found.append(f"{name}: {word}")
    assert found == []


def test_the_standard_librarys_platform_is_not_shadowed():
    assert not (ROOT / "platform" / "__init__.py").exists()
    code = "import platform; platform.python_version(); print(platform.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not found.stdout.startswith(str(ROOT / "platform"))


def test_the_packages_of_apps_are_empty():
    floors = {"tenants", "training", "recommend", "compliance", "dashboard", "demo", "attune"}
    ours = [name for name in settings.INSTALLED_APPS if name.split(".")[0] in floors]
    assert len(ours) == 20
    for name in [*ours, "tenants", "training"]:
        folder = ROOT / name.replace(".", "/")
        folder = folder if folder.exists() else ROOT / "platform" / name
        assert (folder / "__init__.py").read_text() == "", name


DOTTED = {
    "worker functions": [kind.run for kind in settings.WORK_KINDS.values()],
    "ends of work": [
        name for kind in settings.WORK_KINDS.values() for name in (kind.left, kind.crashed) if name
    ],
    "duties": settings.TENANT_DUTIES,
    "gate of work": [settings.WORK_GATE],
    "share of work": [settings.WORK_SHARE],
    "room for work": [settings.WORK_ROOM],
    "reservations": list(settings.METER_RESERVATIONS.values()),
    "sealed streams": list(settings.SEALED_STREAMS.values()),
    "kinds of evidence": list(settings.EVIDENCE_KINDS.values()),
    "subject stores": settings.SUBJECT_STORES,
    "reach of erasures": settings.ERASURE_REACH,
    "annexes": list(settings.SUBJECT_ANNEXES.values()),
    "stops of consent": settings.CONSENT_STOPS,
    "what is not corrected": settings.HOLDS_UNCORRECTED,
    "middleware": settings.MIDDLEWARE,
    "account adapter": [settings.ACCOUNT_ADAPTER],
}


@pytest.mark.parametrize("name", [name for names in DOTTED.values() for name in names])
def test_every_dotted_name_in_settings_leads_somewhere(name):
    assert import_string(name) is not None


def test_every_queue_of_the_work_table_is_one_that_workers_serve():
    assert {kind.queue for kind in settings.WORK_KINDS.values()} == {"default", "gpu"}


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the project, as (path, content)."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content:
            yield name, content.decode()


def test_no_scope_outlives_its_transaction():
    """A setting made for the whole session would be the next borrower's of the connection."""
    setting = re.compile(r"set_config\(([^()]|\([^()]*\))*,\s*false\s*\)", re.IGNORECASE)
    session = re.compile(r"\bset\s+(session\s+)?app\.", re.IGNORECASE)
    found = [name for name, text in texts() if setting.search(text) or session.search(text)]
    assert found == []


@pytest.mark.parametrize("place", [*LONG, *TOGETHER])
def test_what_tests_are_handed_out_by_is_there(place):
    assert (ROOT / place).exists()


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    here = re.compile(r"(?<![\w.*-])/(work|tmp|root)/\w")
    found = [
        (name, match.group())
        for name, text in texts()
        if not name.startswith(("docker/", ".ci/")) and (match := here.search(text))
    ]
    assert found == []
