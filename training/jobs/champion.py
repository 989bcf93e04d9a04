"""Which version a new one has to beat: the folder that the engine compares with."""

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

from training.jobs.artifacts import UNREADABLE, path_of, reading
from training.jobs.queries import champion_of

logger = logging.getLogger(__name__)


def champion_folder(task: str) -> str | None:
    """The artifact folder of what serves `task` now, for a job's order; None when nothing does."""
    version = champion_of(task)
    if version is None:
        return None
    return str(path_of(version.tenant_id, bytes(version.manifest_sha256)))


@contextmanager
def champion_at_hand(tenant_id: UUID, folder: Path) -> Iterator[None]:
    """The champion that the order in `folder` names lies on this machine while the block lasts.

    Where it cannot be had the engine finds nothing, and says that it could not compare.
    """
    order = folder / "job.json"
    told = json.loads(order.read_text())
    with ExitStack() as stack:
        if told.get("champion"):
            digest = bytes.fromhex(Path(told["champion"]).name)
            try:
                stack.enter_context(reading(tenant_id, digest))
            except UNREADABLE:
                logger.exception("no champion for the job in %s", folder.name)
            here = str(path_of(tenant_id, digest))
            if told["champion"] != here:  # another machine wrote the order
                order.write_text(json.dumps({**told, "champion": here}, indent=1))
        yield
