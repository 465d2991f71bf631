"""What went wrong, said as what happens next: each class is one decision of the hub."""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of all errors a connector may raise; the message is shown to an admin, so it names the remedy."""


class ConfigError(ConnectorError):
    """A person has to change the configuration; `field` is the dotted name of the entry, where one is to blame."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class AuthError(ConnectorError):
    """The tool refuses the credentials or lacks a permission: the connection is paused and its admin told."""

    def __init__(self, message: str, *, permission: str | None = None) -> None:
        super().__init__(message)
        self.permission = permission


class TransientError(ConnectorError):
    """Certainly not applied and worth repeating, not before `retry_after` seconds have passed."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RecordError(ConnectorError):
    """One record cannot be read: it is quarantined, the run goes on."""

    def __init__(self, message: str, *, stream: str, key: str | None = None, place: str | None = None) -> None:
        super().__init__(message)
        self.stream = stream
        self.key = key
        self.place = place


class NotAppliedError(ConnectorError):
    """The tool refused a write for good (400, 404, 413): nothing was changed and repeating it would not help."""


class AmbiguousError(ConnectorError):
    """Nobody knows whether a write was applied: it must be looked up by its marker before it is repeated."""


class BrokenConnectorError(ConnectorError):
    """The connector has a bug or breaks the protocol: the run is stopped, and its author is the one to tell."""


class ForgedRequestError(ConnectorError):
    """A webhook request is not from whom it says (signature, age): answered 401, nothing is stored."""
