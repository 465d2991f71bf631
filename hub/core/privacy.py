"""People's data mode: how names of people are kept that come in with the data of tools.

PLUMBLINE_PEOPLE_DATA says it: `none` keeps nothing, `pseudonym` (default) a stable stand-in, `named` the name. It is
applied when data comes in, to actor, reported_by, set_by and assignee, so a stricter mode never leaves old names in
new rows; roles that work is routed by stay named. A pseudonym is random: only the row that a keyed hash of the name
finds leads to it. Erasing that row leaves the statistics whole and the person out of reach, also for us.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.database import database_now
from hub.core.deployment import deployment_key
from hub.core.models import ActorName
from hub.core.sealing import Sealer

if TYPE_CHECKING:
    from hub.settings import Settings

KEY_NAME = "people"
PREFIX = "anon-"
Mode = Literal["none", "pseudonym", "named"]
_AT_ONCE = 500
"""Names per statement: databases limit the number of parameters."""


class PeopleData:
    """The mode of this deployment, with the key that finds pseudonyms."""

    def __init__(self, mode: Mode, key: bytes) -> None:
        self.mode = mode
        self._key = key

    @classmethod
    def load(cls, session: Session, settings: Settings, sealer: Sealer) -> PeopleData:
        """Read mode and key, in a transaction that may write: the first call makes the key."""
        return cls(settings.people_data, deployment_key(session, sealer, KEY_NAME))

    def actor(self, session: Session, name: str | None) -> str | None:
        """Give what to keep in place of one name."""
        return None if name is None else self.actors(session, [name])[name]

    def actors(self, session: Session, names: Iterable[str]) -> dict[str, str | None]:
        """Give what to keep in place of each name; spelling, case and spaces around it make no difference."""
        wanted = dict.fromkeys(names)
        plain = {name: _normalised(name) for name in wanted}
        if self.mode == "none":
            return dict.fromkeys(plain)
        if self.mode == "named":
            return {name: unicodedata.normalize("NFC", name).strip() or None for name in plain}
        lookups = {name: self.lookup(name) for name, text in plain.items() if text}
        known = self._pseudonyms(session, sorted(set(lookups.values())))
        return {name: known[lookups[name]] if name in lookups else None for name in plain}

    def erase(self, session: Session, names: Iterable[str]) -> int:
        """Forget which pseudonyms stood for these names; give how many did."""
        lookups = {self.lookup(name) for name in names}
        gone = session.scalars(delete(ActorName).where(ActorName.lookup.in_(lookups)).returning(ActorName.id))
        return len(gone.all())

    def known(self, session: Session, names: Iterable[str]) -> frozenset[str]:
        """Give the pseudonyms that stand for these names already."""
        return frozenset(_read(session, [self.lookup(name) for name in names]).values())

    def lookup(self, name: str) -> str:
        """Give what finds a name's pseudonym: a keyed hash, the same for every spelling of the name."""
        return hmac.new(self._key, _normalised(name).encode(errors="surrogatepass"), hashlib.sha256).hexdigest()

    def _pseudonyms(self, session: Session, lookups: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(lookups), _AT_ONCE):
            part = lookups[start : start + _AT_ONCE]
            found |= _read(session, part)
            missing = [lookup for lookup in part if lookup not in found]
            if missing:
                _add(session, missing)
                found |= _read(session, missing)
        return found


def new_pseudonym() -> str:
    """Make what stands for a name: random, so that nothing leads back from it."""
    return PREFIX + secrets.token_hex(10)


def _normalised(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def _read(session: Session, lookups: list[str]) -> dict[str, str]:
    statement = select(ActorName.lookup, ActorName.pseudonym).where(ActorName.lookup.in_(lookups))
    return dict(session.execute(statement).all())


def _add(session: Session, lookups: list[str]) -> None:
    now = database_now(session)
    rows = [{"lookup": lookup, "pseudonym": new_pseudonym(), "created_at": now} for lookup in sorted(lookups)]
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    # another process may meet the same person at the same moment: the first pseudonym is the one
    session.execute(dialect.insert(ActorName).on_conflict_do_nothing(index_elements=["lookup"]), rows)
