"""Sign where the chain stands. The key is made once for this deployment and sealed like every secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.models import AuditCheckpoint, AuditLink
from hub.audit.service.chain import end_of_chain, seal_entries
from hub.audit.verify_trail import FORMAT, MARK, START, canonical, instant_text, key_id, sha256
from hub.core.database import database_now
from hub.core.deployment import deployment_key, find_deployment_key
from hub.core.sealing import Sealer

KEY_NAME = "audit"
MOST_MARKS = 10_000
"""Places that one checkpoint states one by one: 80 kB a line."""


class SigningKey:
    """The key of this deployment that signs checkpoints and exports."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()
        self.id = key_id(self.public)

    @classmethod
    def load(cls, session: Session, sealer: Sealer) -> SigningKey:
        """Open the key; the first call makes it, in this transaction."""
        return cls(deployment_key(session, sealer, KEY_NAME))

    @classmethod
    def find(cls, session: Session, sealer: Sealer) -> SigningKey | None:
        """Open the key if there is one yet; for sessions that only read."""
        secret = find_deployment_key(session, sealer, KEY_NAME)
        return None if secret is None else cls(secret)

    def sign(self, text: str) -> str:
        """Sign a text; gives hex."""
        return self._key.sign(text.encode()).hex()


def make_checkpoint(session: Session, key: SigningKey, *, now: datetime | None = None) -> AuditCheckpoint:
    """Seal what waits and sign where the chain stands; a long way since the last one takes several checkpoints."""
    while seal_entries(session):
        pass
    at = now or database_now(session)
    end, _digest = end_of_chain(session)
    while True:
        before = last_checkpoint(session)
        made = sign(
            session,
            key,
            number=before.number + 1 if before else 1,
            at=at,
            previous=sha256(before.body) if before else START,
            start=before.position if before else 0,
        )
        if made.position == end:
            return made


def last_checkpoint(session: Session) -> AuditCheckpoint | None:
    """Give the newest checkpoint beside the trail."""
    return session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.number.desc()).limit(1))


def digests_after(session: Session, position: int) -> Sequence[str]:
    """Give the digests of the places after this one, as many as one checkpoint states."""
    statement = (
        select(AuditLink.digest).where(AuditLink.position > position).order_by(AuditLink.position).limit(MOST_MARKS)
    )
    return session.scalars(statement).all()


def sign(
    session: Session,
    key: SigningKey,
    *,
    number: int,
    at: datetime,
    previous: str,
    start: int,
    resumes: dict[str, Any] | None = None,
) -> AuditCheckpoint:
    """Sign and store one checkpoint of the places after `start`."""
    digests = digests_after(session, start)
    body = canonical(
        {
            "format": FORMAT,
            "number": number,
            "at": instant_text(at),
            "position": start + len(digests),
            "digest": digests[-1] if digests else end_of_chain(session)[1],
            "previous": previous,
            "marks": "".join(digest[:MARK] for digest in digests),
            "key": key.id,
            "resumes": resumes,
        }
    )
    row = AuditCheckpoint(number=number, at=at, position=start + len(digests), body=body, signature=key.sign(body))
    session.add(row)
    session.flush()
    return row
