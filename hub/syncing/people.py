"""People in records: accounts that a tool shows and columns that name somebody, as the people's data mode says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from connectors.sdk.protocol import Record
from hub.core.privacy import PeopleData

IDENTITIES = ("accountId", "emailAddress", "userPrincipalName", "mail", "key", "name", "id", "displayName")
"""What tells an account apart from others, the most lasting first."""
NAMES = ("displayName", "name")
PERSON = "person"
"""What is left of an account: one entry of this name."""

Keep = Callable[[str], str | None]


def mask_people(
    session: Session, people: PeopleData, records: Iterable[Record], columns: frozenset[str]
) -> list[Record]:
    """Give the records with people in them as the mode keeps them."""
    listed = list(records)
    names: dict[str, None] = {}
    for record in listed:
        _walk(record.data, columns, people.mode == "named", lambda name: names.setdefault(name) or name)
    kept = people.actors(session, names)
    return [
        record.model_copy(update={"data": _walk(record.data, columns, people.mode == "named", kept.__getitem__)})
        for record in listed
    ]


def mask_raw(session: Session, people: PeopleData, raw: Any, columns: frozenset[str]) -> Any:  # noqa: ANN401  # JSON
    """Give a row that could not be read as it may be kept: cells without names of columns are kept only in `named`."""
    if not isinstance(raw, Mapping):
        return raw if people.mode == "named" else None
    names: dict[str, None] = {}
    _walk(raw, columns, people.mode == "named", lambda name: names.setdefault(name) or name)
    return _walk(raw, columns, people.mode == "named", people.actors(session, names).__getitem__)


def _walk(value: Any, columns: frozenset[str], named: bool, keep: Keep) -> Any:  # noqa: ANN401, FBT001  # JSON; inner
    if isinstance(value, Mapping):
        if _is_account(value):
            return {PERSON: keep(_identity(value, named=named))}
        return {
            name: keep(part) if name in columns and isinstance(part, str) else _walk(part, columns, named, keep)
            for name, part in value.items()
        }
    return [_walk(part, columns, named, keep) for part in value] if isinstance(value, list) else value


def _is_account(value: Mapping[str, Any]) -> bool:
    return (
        "accountId" in value
        or "emailAddress" in value
        or "userPrincipalName" in value
        or ("displayName" in value and ("name" in value or "key" in value))
    )


def _identity(account: Mapping[str, Any], *, named: bool) -> str:
    wanted = (*NAMES, *IDENTITIES) if named else IDENTITIES
    return next((str(account[name]) for name in wanted if account.get(name)), "")
