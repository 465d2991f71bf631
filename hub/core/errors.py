"""The one registry of errors: each class is a problem `type`, a status and a sentence with the next step."""

from __future__ import annotations

from typing import ClassVar

REGISTRY: dict[str, type[PlumblineError]] = {}


class PlumblineError(Exception):
    """Base of every error that a person or an API client may see.

    A subclass gives `slug` (the last part of the problem type), `status` and `title`; the message says what happened
    to what, and what to do about it. It must never hold a secret or another person's data.
    """

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, message: str, **extra: object) -> None:
        super().__init__(message)
        self.extra = extra

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.slug in REGISTRY:
            raise TypeError(f"error slug {cls.slug!r} is taken by {REGISTRY[cls.slug].__name__}: choose another")
        REGISTRY[cls.slug] = cls


class NotFoundError(PlumblineError):
    """There is no such thing, or the caller may not know that there is."""

    slug, status, title = "not-found", 404, "Not found"


class InvalidInputError(PlumblineError):
    """The input cannot be used; the message names the field and the remedy."""

    slug, status, title = "invalid-input", 422, "The input cannot be used"


class ForbiddenError(PlumblineError):
    """The caller is known and may not do this; the message names the missing permission."""

    slug, status, title = "forbidden", 403, "Not allowed"


class SignInRequiredError(PlumblineError):
    """Nobody is signed in, or the token is unknown, expired or revoked."""

    slug, status, title = "sign-in-required", 401, "Sign in first"


class ConflictError(PlumblineError):
    """The thing changed, or is in a state that does not allow this."""

    slug, status, title = "conflict", 409, "Conflict"


class SettingError(PlumblineError):
    """A setting has to be changed before the product can start; the message names the variable."""

    slug, status, title = "setting", 500, "A setting has to be changed"
