"""The one error the engine reports to whoever started it: a code, a text that says what to do,
and the field at fault. Anything else that is raised is a crash."""


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
