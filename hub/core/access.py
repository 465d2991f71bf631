"""Who may do what, and where: principals, roles, permissions, and the one filter of what a principal may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, ForeignKey, Integer, Select, String, column, or_, select, table
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from hub.core.database import Ref
from hub.core.errors import ForbiddenError, NotFoundError


class Role(StrEnum):
    """What a person is in an org unit and everything below it."""

    ADMIN = "admin"
    GOVERNANCE_LEAD = "governance_lead"
    REVIEW_LEAD = "review_lead"
    EXECUTIVE = "executive"
    OWNER = "owner"
    STEWARD = "steward"
    VIEWER = "viewer"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route asks for; named `<area>.<verb>`."""

    ACTIONS_READ = "actions.read"
    ACTIONS_WRITE = "actions.write"
    AUDIT_READ = "audit.read"
    CONNECTIONS_READ = "connections.read"
    CONNECTIONS_MANAGE = "connections.manage"
    FINDINGS_READ = "findings.read"
    FINDINGS_ANSWER = "findings.answer"
    METRICS_READ = "metrics.read"
    METRICS_WRITE = "metrics.write"
    PEOPLE_READ = "people.read"
    PEOPLE_MANAGE = "people.manage"
    RULES_READ = "rules.read"
    RULES_WRITE = "rules.write"
    SETTINGS_READ = "settings.read"
    STRATEGY_READ = "strategy.read"
    STRATEGY_WRITE = "strategy.write"
    WORK_READ = "work.read"
    WORK_MANAGE = "work.manage"

    @property
    def only_reads(self) -> bool:
        """Say whether nothing can be changed by it."""
        return self.endswith(".read")


_P = Permission
_SEEN_BY_ALL = frozenset({_P.ACTIONS_READ, _P.FINDINGS_READ, _P.METRICS_READ, _P.STRATEGY_READ})
_PART_OF_THE_WORK = _SEEN_BY_ALL | {_P.ACTIONS_WRITE, _P.FINDINGS_ANSWER, _P.PEOPLE_READ, _P.RULES_READ}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.GOVERNANCE_LEAD: _PART_OF_THE_WORK
        | {_P.AUDIT_READ, _P.CONNECTIONS_READ, _P.METRICS_WRITE, _P.RULES_WRITE, _P.STRATEGY_WRITE, _P.WORK_READ},
        Role.REVIEW_LEAD: _PART_OF_THE_WORK | {_P.STRATEGY_WRITE},
        Role.EXECUTIVE: _SEEN_BY_ALL | {_P.PEOPLE_READ, _P.RULES_READ},
        Role.OWNER: _PART_OF_THE_WORK | {_P.METRICS_WRITE, _P.STRATEGY_WRITE},
        Role.STEWARD: _PART_OF_THE_WORK | {_P.CONNECTIONS_READ, _P.METRICS_WRITE},
        Role.VIEWER: _SEEN_BY_ALL,
        Role.AUDITOR: frozenset(one for one in Permission if one.only_reads),
    }
)
"""The one table of what a role allows."""


@dataclass(frozen=True)
class Granted:
    """One role as it holds now: in the org units `within`; None = in the whole organisation."""

    role: Role
    within: frozenset[int] | None = None
    above: frozenset[int] = frozenset()
    """Org units above the granted one: what is shared with them is shared with their parts."""

    def covers(self, org_unit_id: int | None) -> bool:
        """Say whether the role holds in this org unit; what belongs to none needs the whole organisation."""
        return self.within is None or org_unit_id in self.within


@dataclass(frozen=True)
class Principal:
    """Who asks: a person with the roles that hold at this moment, perhaps through an API token that allows less."""

    person_id: int
    public_id: str
    name: str
    grants: tuple[Granted, ...] = ()
    scopes: frozenset[Permission] | None = None
    """What the API token in use is limited to; None where a person is signed in."""
    token_id: str | None = None
    """Public id of that token."""
    zone: str = "UTC"
    purpose: Permission | None = None
    """Permission by which this request was let in: lists show what is granted for it, not for something else."""

    @property
    def audit_name(self) -> str:
        """Give the name that the audit trail keeps: a public id, and the token where a program acted."""
        return self.public_id if self.token_id is None else f"{self.public_id}/{self.token_id}"

    @cached_property
    def roles(self) -> frozenset[Role]:
        """Every role that holds anywhere."""
        return frozenset(granted.role for granted in self.grants)

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """Every permission that holds anywhere."""
        return frozenset(one for one in Permission if self.granted(one))

    def granted(self, permission: Permission | None) -> tuple[Granted, ...]:
        """Give the grants that carry this permission; None = all of them."""
        if permission is None:
            return self.grants
        if self.scopes is not None and permission not in self.scopes:
            return ()
        return tuple(granted for granted in self.grants if permission in PERMISSIONS[granted.role])

    def may(self, permission: Permission) -> bool:
        """Say whether this is allowed anywhere at all."""
        return permission in self.permissions

    def may_in(self, permission: Permission, org_unit_id: int | None) -> bool:
        """Say whether this is allowed in that org unit; None = nothing smaller than the whole organisation."""
        return any(granted.covers(org_unit_id) for granted in self.granted(permission))


def require(principal: Principal, permission: Permission, org_unit_id: int | None = None) -> None:
    """Refuse unless the permission holds in this org unit; without one, anywhere."""
    allowed = principal.may(permission) if org_unit_id is None else principal.may_in(permission, org_unit_id)
    if not allowed:
        where = "" if org_unit_id is None else " in this org unit"
        raise ForbiddenError(f"This needs the permission {permission}{where}: ask an admin for a role that has it.")


def require_within(principal: Principal, permission: Permission, org_unit_id: int | None) -> None:
    """Refuse unless the permission holds for what belongs to this org unit; None = to the whole organisation."""
    if not principal.may_in(permission, org_unit_id):
        where = "the whole organisation" if org_unit_id is None else "this org unit"
        raise ForbiddenError(f"This needs the permission {permission} for {where}: ask an admin.")


class Owned:
    """Mixin of every entity that belongs to one org unit and is seen by those who are granted there."""

    @declared_attr
    def org_unit_id(cls) -> Mapped[int]:  # noqa: N805  # a declared_attr is called with the class
        """Org unit that owns this row."""
        return mapped_column(Ref, ForeignKey("org_unit.id"), index=True)


S = TypeVar("S", bound=Select[*tuple[Any, ...]])
M = TypeVar("M")

_SHARE = table(
    "share", column("entity_kind", String), column("entity_id", Integer), column("org_unit_id", Integer)
)  # the model is in hub.people, above this floor


def visible(
    statement: S,
    principal: Principal,
    model: Any,  # noqa: ANN401  # any mapped class with an id and an org_unit_id
    permission: Permission | None = None,
) -> S:
    """Keep the rows that the principal may see: owned in a granted org unit, or shared with one.

    Grants count that carry `permission`, by default the one that let the request in. A share reaches everybody who is
    granted in the org unit it names, above it or below it; it lets them look, not change.
    """
    permission = permission or principal.purpose
    grants = principal.granted(permission)
    if any(granted.within is None for granted in grants):
        return statement
    within = frozenset[int]().union(*(granted.within or () for granted in grants))
    owned = model.org_unit_id.in_(within)
    if permission is not None and not permission.only_reads:
        return statement.where(owned)
    return statement.where(or_(owned, _shared(model, within.union(*(granted.above for granted in grants)))))


def find_visible(
    session: Session, principal: Principal, model: type[M], public_id: str, permission: Permission | None = None
) -> M:
    """Find one thing by public id; what may not be seen is as if it were not there."""
    named = select(model).where(model.public_id == public_id)  # type: ignore[attr-defined]  # every model with a page has one
    found = session.scalars(visible(named, principal, model, permission)).one_or_none()
    if found is None:
        raise NotFoundError(f"There is no {public_id!r} here, or you may not see it.")
    return found


def _shared(model: Any, org_units: frozenset[int]) -> ColumnElement[bool]:  # noqa: ANN401  # as above
    return model.id.in_(  # type: ignore[no-any-return]  # `model` is any mapped class
        select(_SHARE.c.entity_id).where(
            _SHARE.c.entity_kind == model.__tablename__, _SHARE.c.org_unit_id.in_(org_units)
        )
    )
