"""How the web server logs a request: by its path, never its query, which may hold a person's id,
and without the secret of a link.
"""

from typing import Any

from gunicorn.glogging import Logger

from tenants.access.log_lines import without_links


class PathLogger(Logger):
    """gunicorn's own, with the secret of a link left out of its path."""

    def atoms(self, *given: Any) -> dict[str, Any]:
        atoms: dict[str, Any] = super().atoms(*given)
        return {**atoms, "U": without_links(atoms["U"] or "")}


logger_class = PathLogger

access_log_format = '%(t)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms %({x-request-id}o)s'
