"""Secrets at rest: AES-256-GCM envelopes that name their key and are bound to the row they belong to.

An envelope is `plb1.<key id>.<key check>.<base64url of nonce and ciphertext>`. The place of the value (table, column,
row) is its associated data, so a value copied to another row does not open.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Text
from sqlalchemy.orm import InstrumentedAttribute, mapped_column

from hub.core.errors import PlumblineError
from hub.core.inventory import SEALED
from hub.core.keyring import FileKeyring, FixedKeyring, Key, Keyring

if TYPE_CHECKING:
    from hub.settings import Settings

_FORMAT = "plb1"
_NONCE_BYTES = 12
_ENVELOPE = re.compile(
    _FORMAT + r"\.(?P<id>[A-Za-z0-9]+)\.(?P<check>[0-9a-f]{8})"
    r"\.(?P<content>(?:[\w-]{4}){9,}(?:[\w-]{4}|[\w-]{3}=|[\w-]{2}==))",  # at least nonce and tag: 28 bytes
    re.ASCII,
)

Sealed = Annotated[str, mapped_column(Text, info={SEALED: True})]
"""Type of a column that holds a sealed secret: `token: Mapped[Sealed]`. Rotation finds it by this."""


class SealedValueError(PlumblineError):
    """A stored secret cannot be opened; the message names the place and the remedy, never the value."""

    slug, status, title = "sealed-value", 500, "A stored secret cannot be opened"


def place(column: InstrumentedAttribute[Any], row_id: str) -> str:
    """Name the place of a sealed value: `place(Connection.token, row.public_id)`."""
    return f"{column.class_.__tablename__}.{column.key}:{row_id}"


class Envelope(NamedTuple):
    """The parts of a sealed text."""

    key_id: str
    key_check: str
    nonce: bytes
    ciphertext: bytes


class Sealer:
    """Seals and opens secrets with the keys of one keyring; safe to share between threads."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    @classmethod
    def from_settings(cls, settings: Settings) -> Sealer:
        """Use PLUMBLINE_SECRET_KEYS, else the key file in PLUMBLINE_HOME, which is made if there is none."""
        if settings.secret_keys is not None:
            return cls(FixedKeyring(settings.secret_keys.get_secret_value()))
        return cls(FileKeyring(settings.home))

    @property
    def origin(self) -> str:
        """Say where the keys come from."""
        return self._keyring.origin

    @property
    def newest(self) -> str:
        """Give the id of the key that seals."""
        return self._keyring.load()[0].id

    @property
    def prefix(self) -> str:
        """Give what every text starts with that the newest key has sealed."""
        return _prefix(self._keyring.load()[0])

    def seal(self, plaintext: bytes | str, associated: str) -> str:
        """Seal a secret for one place; see `place`."""
        key = self._keyring.load()[0]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = plaintext.encode() if isinstance(plaintext, str) else plaintext
        ciphertext = AESGCM(key.secret).encrypt(nonce, content, associated.encode())
        return _prefix(key) + base64.urlsafe_b64encode(nonce + ciphertext).decode()

    def open(self, sealed: str, associated: str) -> str:
        """Open a secret that was sealed for this place."""
        envelope = _parse(sealed, associated)
        key = self._find(envelope, associated)
        try:
            content = AESGCM(key.secret).decrypt(envelope.nonce, envelope.ciphertext, associated.encode())
        except InvalidTag as error:
            raise SealedValueError(
                f"the secret at {associated} was sealed for another row, or changed: enter it again"
            ) from error
        return content.decode()

    def _find(self, envelope: Envelope, associated: str) -> Key:
        for key in self._keyring.load():
            if key.id == envelope.key_id:
                if key.check == envelope.key_check:
                    return key
                raise SealedValueError(
                    f"the secret at {associated} was sealed with another key named {key.id} than the one in "
                    f"{self.origin}: put the right key back there"
                )
        raise SealedValueError(
            f"the secret at {associated} was sealed with key {envelope.key_id}, which {self.origin} does not hold: "
            "add that key there (a backup never holds keys), or enter the secret again"
        )


def _prefix(key: Key) -> str:
    return f"{_FORMAT}.{key.id}.{key.check}."


def _parse(sealed: str, associated: str) -> Envelope:
    found = _ENVELOPE.fullmatch(sealed)
    if found is None:
        raise SealedValueError(f"what is stored at {associated} is no sealed secret: enter it again")
    content = base64.urlsafe_b64decode(found["content"])
    return Envelope(found["id"], found["check"], content[:_NONCE_BYTES], content[_NONCE_BYTES:])
