"""Secrets taken out of every text that leaves a connector: errors, logs, reprs."""

from __future__ import annotations

import base64
import logging
import weakref
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
SAFE_IN_PATHS = "!#$%&'()*+,/:;=?@[]~"
"""What requests leaves as it is in an address."""
SHORTEST = 4
"""Shorter secrets are not masked: they would blank out ordinary words."""


class Redactor:
    """Masks known secrets, also in their URL-encoded and base64 forms."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def add(self, secret: str) -> None:
        """Mask this secret from now on."""
        if len(secret) >= SHORTEST:
            self._forms.update(forms(secret))

    def __call__(self, text: str) -> str:
        """Return the text with every known secret masked."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, MASK)
        return text


def forms(secret: str) -> set[str]:
    """List the spellings of a secret: as it is, URL-encoded in each of the usual ways, in base64."""
    raw = secret.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    in_addresses = {quote(secret, safe=safe) for safe in ("", "/", SAFE_IN_PATHS)} | {quote_plus(secret)}
    return {secret, *in_addresses, *encoded, *(text.rstrip("=") for text in encoded)}


class _MaskedLog(logging.Filter):
    """Masks what libraries write to their own loggers; a web address can hold a secret."""

    def __init__(self) -> None:
        super().__init__()
        self.redactors: weakref.WeakSet[Redactor] = weakref.WeakSet()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for redactor in self.redactors:
            text = redactor(text)
        record.msg, record.args = text, ()
        return True


_MASKED_LOG = _MaskedLog()


def mask_log(name: str, redactor: Redactor) -> None:
    """Mask the redactor's secrets in everything the named logger writes, as long as the redactor lives."""
    logging.getLogger(name).addFilter(_MASKED_LOG)
    _MASKED_LOG.redactors.add(redactor)
