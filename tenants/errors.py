"""The one error a service raises on purpose. Knows nothing about HTTP pages or JSON bodies."""

import errno
from collections.abc import Mapping

# What a system says of a disk, a quota or a file that may hold no more, and PostgreSQL of its own.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DISK_FULL = "53100"


class AppError(Exception):
    """A refusal that tells its reader what to do; whoever raises it has changed nothing.

    `code` is stable and machine-readable, `message` is a sentence, `param` names the field.
    """

    status = 400
    type = "invalid_request_error"
    # Seconds after which the same request may succeed; None: not by waiting.
    retry_after: float | None = None

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.params = dict(params or {})


class Unauthenticated(AppError):
    """No key or session, or one that is no longer valid."""

    status = 401
    type = "authentication_error"


class Denied(AppError):
    """A known caller without the right; the denial is recorded in the audit log."""

    status = 403
    type = "permission_error"


class NotFound(AppError):
    """Nothing there for this tenant: a foreign id and a missing one read the same."""

    status = 404
    type = "not_found_error"

    def __init__(self, noun: str) -> None:
        super().__init__("not_found", f"There is no such {noun}.", param="id")


class Conflict(AppError):
    """The row is in a state that does not allow this change."""

    status = 409
    type = "conflict_error"


class TooLarge(AppError):
    """More bytes than this address takes; nothing of them was kept."""

    status = 413


class TooMany(AppError):
    """A limit of the key or its tenant is reached; `retry_after` seconds later it may do again."""

    status = 429
    type = "rate_limit_error"

    def __init__(self, code: str, message: str, *, retry_after: float, **more: object) -> None:
        super().__init__(code, message, params=more)
        self.retry_after = retry_after


class Unavailable(AppError):
    """Something we stand on is away for the moment; the change was not made."""

    status = 503
    type = "api_error"
    retry_after = 5.0

    def __init__(self) -> None:
        super().__init__("unavailable", "The service is not available now. Try again soon.")


class NoRoom(AppError):
    """The disk that the change needs is full; the change was not made."""

    status = 503
    type = "api_error"
    retry_after = 60.0

    def __init__(self) -> None:
        super().__init__(
            "no_room",
            "The disk of this installation is full, so nothing was stored. Send it again later, "
            "or ask whoever runs the installation to make room.",
        )


def is_full(error: BaseException) -> bool:
    """Whether the error says that a disk is full, ours or the database's."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    told = getattr(error.__cause__, "sqlstate", None)  # of what Django's error was made from
    return isinstance(error, NoRoom) or told == _DISK_FULL
