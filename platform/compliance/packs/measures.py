"""The technical measures that hold for every tenant, whatever the settings of the installation are;
`docs/security.md` names the test of each. What hangs on settings is a fact of its own (`facts`).
"""

from django.utils.translation import gettext_lazy as _

MEASURES = (
    _("Row-level security that the database forces: without a tenant's scope there are no rows."),
    _("People under keyed pseudonyms; the key is outside the database."),
    _("A key of each person's own, wrapped by the tenant's; without it their data are unreadable."),
    _("AES-256-GCM for ids, waiting rows, uploads and exports."),
    _("An append-only log, chained by hashes, with signed checkpoints."),
    _("Roles and rights in one table; each denial is recorded."),
    _("Groups of fewer than ten people are shown nowhere."),
    _("Training reads a frozen copy of consented events, in a process without any secret."),
    _("Models as safetensors and JSON alone; no parameters of any one person."),
    _("Log lines without ids, addresses and secrets; texts for models masked."),
)
