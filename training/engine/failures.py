"""The one error the engine reports to whoever started it: a code, a text that says what to do,
and the field at fault; and what the machine refused, by the exit code it ends a run with. Anything
else that is raised is a crash."""

import errno
import re

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Libraries written in Rust, and whole folders copied, tell the system's error in words alone.
_OS_ERROR = re.compile(r"(?:os error |Errno )(\d+)")
# What torch says instead of MemoryError when the processor's or the device's memory is used up.
_NO_MEMORY = ("can't allocate memory", "CUDA out of memory", "CUDA_ERROR_OUT_OF_MEMORY")


class JobError(Exception):
    """The job cannot run as given. `code` is stable, `param` names the field at fault (or is
    empty)."""

    def __init__(self, code: str, message: str, param: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param

    def as_record(self) -> dict[str, str]:
        """What error.json holds."""
        return {"code": self.code, "message": self.message, "param": self.param}


def is_disk_full(error: BaseException) -> bool:
    """Whether a write failed because the disk, the quota or the largest file is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    told = _OS_ERROR.search(str(error))
    return told is not None and int(told[1]) in _FULL


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was refused, of the machine or of the device."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
