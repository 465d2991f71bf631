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


class BadRequestError(PlumblineError):
    """The request itself cannot be read: broken JSON, a missing part, a cookie or header that makes no sense."""

    slug, status, title = "bad-request", 400, "The request cannot be read"


class MethodNotAllowedError(PlumblineError):
    """The address exists and does not take this method; the header Allow names those it takes."""

    slug, status, title = "method-not-allowed", 405, "Not this way"


class PreconditionFailedError(PlumblineError):
    """The thing has changed since it was read (If-Match): read it again, then decide."""

    slug, status, title = "precondition-failed", 412, "Changed in the meantime"


class TooLargeError(PlumblineError):
    """The request is larger than this address takes: send it in parts."""

    slug, status, title = "too-large", 413, "Too large"


class UnsupportedMediaTypeError(PlumblineError):
    """The content type is not one that this address reads: send application/json."""

    slug, status, title = "unsupported-media-type", 415, "Not this format"


class IdempotencyKeyReusedError(PlumblineError):
    """The Idempotency-Key was used for another request before: use a new key."""

    slug, status, title = "idempotency-key-reused", 422, "The key belongs to another request"


class PreconditionRequiredError(PlumblineError):
    """An update has to say which state it changes: send the ETag you read as If-Match."""

    slug, status, title = "precondition-required", 428, "Say what you change"


class TooManyRequestsError(PlumblineError):
    """Too many requests for now; the header Retry-After says when the next one is welcome."""

    slug, status, title = "too-many-requests", 429, "Too many requests"


class CrossSiteError(PlumblineError):
    """A form was sent by another site, or its page is too old: open the page again and send it from there."""

    slug, status, title = "cross-site", 403, "Not sent from our page"


class InternalError(PlumblineError):
    """Something went wrong on our side; the log has it under the request's id."""

    slug, status, title = "internal", 500, "Something went wrong here"


class UnavailableError(PlumblineError):
    """Something this needs is down; nothing was changed, so try again later."""

    slug, status, title = "unavailable", 503, "Not available at the moment"
