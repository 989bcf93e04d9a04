"""What `context.consent` of a message takes away, by the tenant's own table of foreign signals.

A category that was refused withholds its purpose from this one act. A category that was allowed
gives nothing: consent is what the ledger holds. Runs in a tenant's scope.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tenants.consent.signal_reading import read_signal
from tenants.consent.signals import mapping

KIND = "segment"
PREFERENCES = "categoryPreferences"


class Narrowing:
    """Of one request; asks for the table when the first message needs it."""

    @cached_property
    def _purposes(self) -> dict[str, str]:
        table = mapping()
        rows = table.rows if table else ()
        return {row["category"]: row["purpose"] for row in rows if row["kind"] == KIND}

    def withheld(self, consent: Any) -> tuple[str | None, list[str]]:
        """The purposes to withhold, as the column of that name holds them, and the refused
        categories that nothing is mapped onto. AppError `bad_signal` for what cannot be read.
        """
        if not isinstance(consent, Mapping) or consent.get(PREFERENCES) is None:
            return None, []
        refused = [name for name, yes in read_signal(KIND, consent).items() if not yes]
        known = {self._purposes[name] for name in refused if name in self._purposes}
        unknown = [name for name in refused if name not in self._purposes]
        return "|".join(sorted(known)) or None, unknown
