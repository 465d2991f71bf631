"""Tables that belong to the deployment as a whole."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.database import Base, Id
from hub.core.inventory import Inventory
from hub.core.sealing import Sealed


class DeploymentKey(Base):
    """A key made once for this deployment, sealed: what signs the audit trail, what pseudonyms are made with."""

    __tablename__ = "deployment_key"
    __inventory__ = Inventory(
        purpose="Keys of this deployment.",
        retention="for the life of the deployment",
        seen_by="nobody",
        plain=("name",),
    )

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    secret: Mapped[Sealed]
    created_at: Mapped[datetime]


class ActorName(Base):
    """What stands for a name in the data; without its row, nothing leads from the name to its pseudonym any more."""

    __tablename__ = "actor_name"
    __inventory__ = Inventory(
        purpose="Keeps a person's pseudonym the same from one reading of a tool to the next.",
        retention="until the person is erased",
        seen_by="nobody",
        personal={
            "lookup": "finds the row by the name: a keyed hash, not reversible without the key",
            "pseudonym": "what the data says in place of the name",
        },
    )

    id: Mapped[Id]
    lookup: Mapped[str] = mapped_column(String(64), unique=True)
    pseudonym: Mapped[str] = mapped_column(String(40), unique=True)
    created_at: Mapped[datetime]
