"""One thing of each kind, made in an org unit: what the tests of routes give to the twin and then ask for.

A new kind of thing is one line in MAKERS: the name of the route's parameter, or where that is `public_id` the beginning
of the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from hub.actions.models import ActionItem
from hub.connections.models import Connection, Delivery
from hub.core.access import Permission, Role
from hub.core.database import Base
from hub.findings.models import Alert, AlertStatus
from hub.metrics.models import Metric, Series
from hub.people.models import Person
from hub.people.service import add_org_unit, add_person, find_org_unit, give_role, make_token, principal_of
from hub.strategy.models import Objective
from hub.syncing.models import Quarantined
from tests.security.rows import NAME, make_row

if TYPE_CHECKING:
    from hub.core.database import Database

BY = "system:tests"
IDS_OF_NOTHING = "x_00000000000000000000000000000000"
Maker = Callable[[Session, int, datetime], str]
"""Makes one thing in an org unit and gives its public id."""


def make_person(session: Session, org_unit_id: int, _now: datetime) -> str:
    """Make a person who works there."""
    return add_person(session, key="twin", name=f"Twin: {NAME}", org_unit_id=org_unit_id, by=BY).public_id


def make_org_unit(session: Session, org_unit_id: int, _now: datetime) -> str:
    """Make a part of it."""
    return add_org_unit(session, key="twin-team", name=f"Team: {NAME}", parent_id=org_unit_id, by=BY).public_id


def _owner(session: Session, org_unit_id: int, now: datetime) -> Person:
    person = add_person(session, key="owner", name="Owner of Support", org_unit_id=org_unit_id, by=BY)
    give_role(session, person=person, role=Role.OWNER, org_unit_id=org_unit_id, by=BY, now=now)
    return person


def make_grant(session: Session, org_unit_id: int, now: datetime) -> str:
    """Make a role there."""
    person = add_person(session, key="role", name="Role of Support", org_unit_id=org_unit_id, by=BY)
    return give_role(session, person=person, role=Role.VIEWER, org_unit_id=org_unit_id, by=BY, now=now).public_id


def make_api_token(session: Session, org_unit_id: int, now: datetime) -> str:
    """Make a token of somebody there."""
    owner = principal_of(session, _owner(session, org_unit_id, now), default_zone="UTC", now=now)
    until = now + timedelta(days=1)
    return make_token(session, name="twin", scopes=[Permission.METRICS_READ], expires_at=until, by=owner, now=now)[
        0
    ].public_id


def _row(model: type[Base], **values: object) -> Maker:
    def make(session: Session, org_unit_id: int, now: datetime) -> str:
        public_id: str = make_row(session, model, now=now, org_unit_id=org_unit_id, **values).public_id
        return public_id

    return make


make_action = _row(ActionItem)
make_alert = _row(Alert, status=AlertStatus.FIRING, occurrence=1)
make_connection = _row(Connection)
make_delivery = _row(Delivery)
make_metric = _row(Metric)
make_objective = _row(Objective)
make_series = _row(Series)

MAKERS: dict[str, Maker] = {
    "/actions/": make_action,
    "/connections/": make_connection,
    "/deliveries/": make_delivery,
    "/findings/": make_alert,
    "/metric/": make_metric,
    "action_id": make_action,
    "connection_id": make_connection,
    "finding_id": make_alert,
    "grant_id": make_grant,
    "item_id": _row(Quarantined),
    "metric_id": make_metric,
    "objective_id": make_objective,
    "org_unit_id": make_org_unit,
    "person_id": make_person,
    "series_id": make_series,
    "token_id": make_api_token,
}
WORDS = {"position": "off", "stage": "observe_only"}
"""Parameters of routes that name no thing, with one of their values."""


def maker_of(rule: str, parameter: str) -> Maker | None:
    """Find what makes the thing that a parameter of a rule names."""
    if parameter != "public_id":
        return MAKERS.get(parameter)
    by_rule = [key for key in MAKERS if key.startswith("/") and rule.startswith(key)]
    return MAKERS[max(by_rule, key=len)] if by_rule else None


@dataclass
class Belonging:
    """The twins sales and support, and what belongs to support."""

    sales: int
    ids: dict[Maker, str] = field(default_factory=dict)

    @classmethod
    def build(cls, database: Database, *, now: datetime) -> Belonging:
        """Make the twins and one thing of each kind."""
        with database.write() as session:
            top = add_org_unit(session, key="acme", name="Acme", by=BY)
            sales = add_org_unit(session, key="sales", name="Sales", parent_id=top.id, by=BY)
            add_org_unit(session, key="support", name="Support", parent_id=top.id, by=BY)
            found = cls(sales.id)
            for maker in dict.fromkeys(MAKERS.values()):
                found.ids[maker] = maker(session, find_org_unit(session, "support").id, now)
            return found

    def id_of(self, rule: str, parameter: str) -> str:
        """Give the public id of the thing that a parameter of a rule names."""
        maker = maker_of(rule, parameter)
        assert maker is not None, (rule, parameter)
        return self.ids[maker]

    def secrets(self) -> list[str]:
        """List what nobody of sales may read."""
        return [*self.ids.values(), "of Support"]
