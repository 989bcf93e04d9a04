"""What a room states about evidence that it can give to auditors; settings list the kinds.

A kind yields files of lines. It knows nothing of zips, manifests, signatures and folders.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string

Options = Mapping[str, Any]


@dataclass(frozen=True)
class EvidenceFile:
    """A file of an export. `lines` are read once, in order; each ends with its only newline, so
    that a verifier can name the one that was altered. `cells.py` makes such lines.
    `facts`, asked once all lines were read, stand beside the file in the manifest.
    """

    name: str
    lines: Iterable[bytes]
    facts: Callable[[], Mapping[str, Any]] = dict


@dataclass(frozen=True)
class EvidenceKind:
    """One kind of export; `says` names it on the page.

    `files` gives the files in order, inside the scope of the tenant: one transaction. Its options
    are what `options.read_options` made of the `filters`, names of `options.FILTERS`; {} is
    everything.
    """

    says: str | Promise
    files: Callable[[Options], Iterator[EvidenceFile]]
    filters: tuple[str, ...] = ()


def kinds() -> dict[str, EvidenceKind]:
    """The kinds that settings list, by name."""
    return {
        name: cast(EvidenceKind, import_string(dotted))
        for name, dotted in settings.EVIDENCE_KINDS.items()
    }
