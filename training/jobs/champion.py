"""Which version a new one has to beat: the folder that the engine compares with."""

from training.jobs.evidence import folder_of_version
from training.jobs.queries import serving


def champion_folder(task: str) -> str | None:
    """The artifact folder of what serves `task` now, for a job's order; None when nothing does."""
    now = serving(task)
    return str(folder_of_version(now.version)) if now else None
