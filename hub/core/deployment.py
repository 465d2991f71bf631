"""Keys that a deployment makes for itself once, kept sealed in its database."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.database import database_now
from hub.core.models import DeploymentKey
from hub.core.sealing import Sealer, place

KEY_BYTES = 32


def deployment_key(session: Session, sealer: Sealer, name: str) -> bytes:
    """Give the key of this name; the first call makes it, in this transaction."""
    found = find_deployment_key(session, sealer, name)
    if found is not None:
        return found
    sealed = sealer.seal(secrets.token_hex(KEY_BYTES), place(DeploymentKey.secret, name))
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(
        dialect.insert(DeploymentKey)
        .values(name=name, secret=sealed, created_at=database_now(session))
        .on_conflict_do_nothing()  # another process was first: its key is the one
    )
    made = find_deployment_key(session, sealer, name)
    if made is None:
        raise RuntimeError(f"deployment key {name} was written and is not there")
    return made


def find_deployment_key(session: Session, sealer: Sealer, name: str) -> bytes | None:
    """Give the key of this name if it has been made."""
    sealed = session.scalar(select(DeploymentKey.secret).where(DeploymentKey.name == name))
    return None if sealed is None else bytes.fromhex(sealer.open(sealed, place(DeploymentKey.secret, name)))
