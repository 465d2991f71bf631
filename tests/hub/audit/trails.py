"""Trails to attack: made by the product, copied as the verifier reads them, and tools of somebody who holds it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, insert, select, text

from hub.audit.jobs import take_checkpoint
from hub.audit.models import AuditEntry, AuditPending
from hub.audit.service import Outside, SigningKey, record
from hub.audit.service.verification import read_checkpoints, read_rows
from hub.audit.verify_trail import MARK, START, Report, Row, Signed, canonical, link, sha256, verify
from hub.core.database import Database
from hub.core.ids import new_public_id
from hub.core.keyring import Key, format_keys
from hub.core.sealing import Sealer
from hub.settings import Settings
from tests.factories import TODAY

KEYS = format_keys([Key("test", b"t" * 32)])


@dataclass
class Trail:
    """A trail in a database, with a place outside."""

    database: Database
    settings: Settings
    now: datetime = TODAY

    @classmethod
    def begin(cls, database: Database, folder: Path) -> Trail:
        """Begin an empty trail."""
        settings = Settings(home=folder / "home", secret_keys=SecretStr(KEYS), audit_checkpoint_path=folder / "outside")
        return cls(database, settings)

    @property
    def outside(self) -> Outside:
        """Give the place outside."""
        assert self.settings.audit_checkpoint_path is not None
        return Outside(self.settings.audit_checkpoint_path)

    @property
    def sealer(self) -> Sealer:
        """Give what opens the signing key."""
        return Sealer.from_settings(self.settings)

    def add(self, count: int, *, action: str = "target.changed", step: timedelta = timedelta(seconds=1)) -> list[str]:
        """Record entries, one a second, every third one with a personal part."""
        made = []
        with self.database.write() as session:
            for number in range(count):
                self.now += step
                personal = {"name": f"Person {number}", "email": f"p{number}@acme.example"} if number % 3 == 0 else None
                made.append(
                    record(
                        session,
                        action=action,
                        subject=("target", f"tgt_{number}"),
                        by="system:test",
                        detail={"value": number},
                        personal=personal,
                        now=self.now,
                    )
                )
        return made

    def fill(self, count: int, *, step: timedelta = timedelta(seconds=1)) -> None:
        """Add many plain entries at once, as `record` would one by one."""
        rows = [
            {
                "public_id": new_public_id("aud"),
                "at": self.now + number * step,
                "action": "target.changed",
                "subject_kind": "target",
                "subject_id": f"tgt_{number}",
                "done_by": "system:test",
                "detail": canonical({"value": number}),
            }
            for number in range(1, count + 1)
        ]
        self.now += count * step
        first = rows[0]["public_id"]
        with self.database.write() as session:
            session.execute(insert(AuditEntry), rows)
            new = select(AuditEntry.id).where(AuditEntry.public_id >= first)
            session.execute(insert(AuditPending).from_select(["entry_id"], new))

    def checkpoint(self) -> None:
        """Take a checkpoint now, and send it."""
        take_checkpoint(self.settings, write=self.database.write, read=self.database.read, clock=lambda: self.now)

    def key(self) -> SigningKey:
        """Open the signing key, as whoever holds database and keyring can."""
        with self.database.read() as session:
            found = SigningKey.find(session, self.sealer)
        assert found is not None
        return found

    def verify(self, *, outside: bool = True, accepted_restores: Sequence[int] = ()) -> Report:
        """Verify what is in the database now."""
        sent = self.outside.read() if outside else None
        with self.database.read() as session:
            return verify(
                read_rows(session),
                read_checkpoints(session),
                public_keys=[self.key().public],
                outside=sent,
                accepted_restores=accepted_restores,
            )

    def copy(self) -> Copy:
        """Copy everything that the operator holds."""
        with self.database.read() as session:
            return Copy(list(read_rows(session)), read_checkpoints(session), self.outside.read(), self.key())

    def tamper(self, *statements: str) -> None:
        """Change the database behind the product's back, without its triggers."""
        with self.database.engine.begin() as connection:
            disarm(connection)
            for statement in statements:
                connection.execute(text(statement))


def disarm(connection: Connection) -> None:
    """Take the triggers away, as the owner of the database can."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in found:
            connection.execute(text(f"DROP TRIGGER {name}"))
        return
    for table in ("audit_entry", "audit_link", "audit_checkpoint", "audit_personal"):
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


@dataclass
class Copy:
    """A trail as the verifier reads it, in hands that may do anything to it but reach the place outside."""

    rows: list[Row]
    inside: list[Signed]
    outside: list[Signed]
    key: SigningKey

    def verify(self, *, outside: bool = True, accepted_restores: Sequence[int] = ()) -> Report:
        """Verify this copy."""
        return verify(
            self.rows,
            self.inside,
            public_keys=[self.key.public],
            outside=self.outside if outside else None,
            accepted_restores=accepted_restores,
        )

    def edit(self, position: int, **changes: str | None) -> None:
        """Change columns of one row."""
        self.rows[position - 1] = Row(**{**self.rows[position - 1]._asdict(), **changes})

    def renumber(self) -> None:
        """Number the places without a gap."""
        self.rows = [row._replace(position=number) for number, row in enumerate(self.rows, start=1)]

    def recompute(self) -> None:
        """Compute the whole chain anew, so that it agrees with itself."""
        self.renumber()
        digest = START
        for index, row in enumerate(self.rows):
            assert row.position is not None
            digest = link(digest, row.position, row)
            self.rows[index] = row._replace(digest=digest)

    def sign_anew(self) -> None:
        """Sign every checkpoint beside the trail anew, with the real key, over the chain as it is now."""
        previous, start = START, 0
        for index, one in enumerate(self.inside):
            said = json.loads(one.body)
            said["position"] = min(said["position"], len(self.rows))
            digests = [row.digest or "" for row in self.rows[start : said["position"]]]
            said["marks"] = "".join(digest[:MARK] for digest in digests)
            said["digest"] = self.rows[said["position"] - 1].digest if said["position"] else START
            said["previous"] = previous
            body = canonical(said)
            self.inside[index] = Signed(body, self.key.sign(body))
            previous, start = sha256(body), said["position"]


Attack = Callable[[Copy], None]
