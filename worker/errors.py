"""What can go wrong outside, in two kinds: worth another try, or not."""

from __future__ import annotations


class PortariaError(Exception):
    """An error whose text is written for the person who reads it: what, where, and how to mend it.

    `code` is a stable reason code, stored and shown; the text never holds personal data.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class TransientError(PortariaError):
    """It may go through later: the submission waits and is tried again at `retry_at` or by back-off."""

    code = "transient"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
        """Seconds that the other side asked us to wait, where it did."""


class OutcomeUnknown(TransientError):
    """A write may or may not have happened (time-out, dropped answer): look it up before trying again."""

    code = "outcome_unknown"


class Conflict(TransientError):
    """Two transactions were in each other's way and the database ended this one: it can be done again at once."""

    code = "conflict"


class PermanentError(PortariaError):
    """It will not go through however often it is tried: somebody has to mend something first."""

    code = "permanent"


NO_TARGET = "no_target"
"""Reason code: the record to change or to attach to is not in the CRM (any more)."""


class Unauthorized(PortariaError):
    """The request does not prove that it comes from its source: answered 401, nothing is stored."""

    code = "unauthorized"


class Unparsable(PortariaError):
    """The delivery is authentic but cannot be read as what its source sends: it is quarantined with this reason."""

    code = "unparsable"


class ConfigurationError(PortariaError):
    """The configuration is wrong; the text names the file, the key and the way to mend it."""

    code = "configuration"
