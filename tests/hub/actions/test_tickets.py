"""One ticket per finding; closing it asks for the evidence, and only the evidence ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.actions import service
from hub.actions.models import ActionItem, ActionState, ActionStep, Ticket
from hub.connections.models import Connection, Delivery, DeliveryKind, DeliveryState, Stage
from hub.connections.service import Draft, add_connection, set_stage
from hub.core.ids import new_public_id
from hub.core.sealing import Sealer
from hub.findings.models import Alert, AlertStatus, Rule
from hub.settings import Settings
from hub.syncing.models import Record
from hub.work.models import WorkItem
from tests.hub.desk import Desk

PUBLIC_URL = "https://plumbline.example"


@dataclass
class Office:
    """A desk with a connection that takes tickets, and one finding."""

    desk: Desk
    alert: Alert
    connection_id: int

    def open(self) -> Ticket | None:
        with self.desk.database.write() as session:
            return service.open_for_finding(session, self.alert.id, 1, public_url=PUBLIC_URL, now=self.desk.clock())

    def create(self) -> Ticket:
        """Open the ticket and let the tool confirm it."""
        ticket = self.open()
        assert ticket is not None
        with self.desk.database.write() as session:
            service.note_created(
                session, ticket.marker, key="10001", label="OPS-1", url="https://j.example/OPS-1", now=self.desk.clock()
            )
        return ticket

    def record_says(self, state: str, **data: Any) -> None:  # noqa: ANN401  # fields of a record
        with self.desk.database.write() as session:
            record = session.scalar(select(Record).where(Record.key == "10001")) or self._record(session)
            record.data = {"state": state, **data}
            session.flush()
            service.note_record(session, self.connection_id, "issues", "10001", now=self.desk.clock())

    def _record(self, session: Session) -> Record:
        now = self.desk.clock()
        record = Record(
            public_id=new_public_id("rec"),
            connection_id=self.connection_id,
            stream="issues",
            key="10001",
            data={},
            read_at=now,
            digest="0" * 64,
        )
        session.add(record)
        return record

    def item(self) -> ActionItem:
        with self.desk.database.read() as session:
            return session.scalars(select(ActionItem)).one()

    def deliveries(self) -> list[tuple[str, dict[str, Any]]]:
        with self.desk.database.read() as session:
            return [(row.kind, row.body) for row in session.scalars(select(Delivery).order_by(Delivery.id))]

    def end(self) -> None:
        """Let the condition go away, and the action hear of it."""
        with self.desk.database.write() as session:
            session.get_one(Alert, self.alert.id).status = AlertStatus.RESOLVED
            service.end_verified(session, self.alert.id, "The condition is gone.", now=self.desk.clock())

    def tool_takes_all(self) -> None:
        """Let the tool apply everything that was sent to it."""
        with self.desk.database.write() as session:
            for delivery in session.scalars(select(Delivery)):
                delivery.state = DeliveryState.APPLIED

    def asked(self) -> int:
        with self.desk.database.read() as session:
            return len(session.scalars(select(WorkItem).where(WorkItem.kind == "findings.verify")).all())


@pytest.fixture
def office(desk: Desk, late: Callable[[], Alert], settings: Settings) -> Office:
    alert = late()
    draft = Draft(
        key="jira",
        kind="jira",
        title="Jira",
        config={"tickets": {"project": "OPS", "issue_type": "Task"}},
        secrets={},
        org_unit_id=desk.cast.org_units["acme"],
    )
    sealer = Sealer.from_settings(settings)
    with desk.database.write() as session:
        connection = add_connection(session, draft, sealer=sealer, by="system:tests", now=desk.clock())
        set_stage(session, connection, Stage.WRITING, by="system:tests", now=desk.clock())
    return Office(desk, alert, connection.id)


def test_the_intent_and_its_marker_are_committed_with_the_delivery(office: Office) -> None:
    ticket = office.open()
    assert ticket is not None
    [(kind, body)] = office.deliveries()
    assert kind == DeliveryKind.CREATE_TICKET
    assert body["draft"]["link"] == f"{PUBLIC_URL}/findings/{office.alert.public_id}"
    assert body["draft"]["due"] == "2026-03-10"  # five business days after Tuesday the 3rd
    assert "looked at again" in body["draft"]["closes_when"]
    with office.desk.database.read() as session:
        assert session.scalars(select(Delivery.marker)).one() == ticket.marker


def test_the_same_occurrence_never_gets_a_second_ticket(office: Office) -> None:
    office.open()
    office.open()
    creations = [kind for kind, _ in office.deliveries() if kind == DeliveryKind.CREATE_TICKET]
    assert len(creations) == 1


def test_without_a_connection_that_may_write_it_waits_for_one(office: Office) -> None:
    with office.desk.database.write() as session:
        session.get_one(Connection, office.connection_id).stage = Stage.OBSERVE_ONLY
    with pytest.raises(service.NoRouteError):
        office.open()
    assert office.deliveries() == []


def test_closing_the_ticket_makes_the_action_done_and_asks_for_the_evidence_once(office: Office) -> None:
    office.create()
    office.record_says("closed")
    office.record_says("closed")
    assert office.item().state == ActionState.DONE
    assert office.asked() == 1


def test_a_record_that_came_before_the_answer_is_known_by_its_marker(office: Office) -> None:
    ticket = office.open()
    assert ticket is not None
    office.record_says("closed", marker=ticket.marker)
    assert office.item().state == ActionState.DONE


def test_a_record_that_is_no_ticket_of_ours_is_left_alone(office: Office) -> None:
    office.open()
    office.record_says("closed", marker="someone-elses")
    assert office.item().state == ActionState.OPEN


def test_it_comes_back_with_the_reason_while_the_finding_holds(office: Office) -> None:
    office.create()
    for round_ in (1, 2):
        office.record_says("closed")
        with office.desk.database.write() as session:
            service.send_back(session, office.alert.id, "still late", escalated=False, now=office.desk.clock())
        assert office.item().reopenings == round_
        assert office.item().state == ActionState.OPEN
        kinds = [kind for kind, _ in office.deliveries()]
        assert kinds[-2:] == [DeliveryKind.TRANSITION, DeliveryKind.COMMENT]
        assert office.deliveries()[-2][1]["state"] == "open"
        assert "still late" in office.deliveries()[-1][1]["text"]
        office.tool_takes_all()
        office.record_says("open")


def test_a_closed_ticket_that_we_are_about_to_open_was_not_closed_again(office: Office) -> None:
    office.create()
    office.tool_takes_all()
    office.record_says("closed")
    with office.desk.database.write() as session:
        service.send_back(session, office.alert.id, "still late", escalated=False, now=office.desk.clock())
    office.record_says("closed", comments=1)
    assert office.item().state == ActionState.OPEN
    assert office.asked() == 1
    office.tool_takes_all()
    office.record_says("open")
    office.record_says("closed")
    assert office.item().state == ActionState.DONE
    assert office.asked() == 2


def test_the_third_time_it_goes_up_and_the_ticket_stays_closed(office: Office) -> None:
    office.create()
    office.record_says("closed")
    with office.desk.database.write() as session:
        service.send_back(session, office.alert.id, "still late", escalated=True, now=office.desk.clock())
    assert office.item().state == ActionState.ESCALATED
    assert [kind for kind, _ in office.deliveries()][-1] == DeliveryKind.COMMENT


def test_evidence_ends_it_once_and_says_so_in_the_ticket(office: Office) -> None:
    office.create()
    office.record_says("closed")
    for _ in range(2):
        office.end()
    assert office.item().state == ActionState.VERIFIED
    assert [kind for kind, _ in office.deliveries()] == [DeliveryKind.CREATE_TICKET, DeliveryKind.COMMENT]
    with office.desk.database.read() as session:
        steps = session.scalars(select(ActionStep.step).order_by(ActionStep.id)).all()
    assert steps == ["opened", "ticket_created", "done", "verified"]


def test_a_finding_that_ends_by_itself_closes_its_ticket(office: Office) -> None:
    office.create()
    office.end()
    closing = (DeliveryKind.TRANSITION, {"key": "10001", "state": "closed"})
    assert office.deliveries()[-1] == closing

    with office.desk.database.write() as session:
        session.get_one(Alert, office.alert.id).status = AlertStatus.FIRING
    office.open()  # the same occurrence is back
    office.end()
    assert [one for one in office.deliveries() if one == closing] == [closing, closing]


def test_news_of_an_end_that_comes_late_leaves_a_firing_finding_its_ticket(office: Office) -> None:
    office.create()
    with office.desk.database.write() as session:
        service.end_verified(session, office.alert.id, "The condition is gone.", now=office.desk.clock())
    assert office.item().state == ActionState.OPEN
    assert [kind for kind, _ in office.deliveries()] == [DeliveryKind.CREATE_TICKET]


def test_innocent_explanations_come_from_the_detectors_manual(office: Office) -> None:
    office.open()
    said = " ".join(office.deliveries()[0][1]["draft"]["paragraphs"])
    assert "What may explain it" in said
    for word in ("gaming", "manipulat", "suspicious"):
        assert word not in said.lower()


def test_a_finding_without_a_ticket_says_why(office: Office) -> None:
    def why() -> service.NoTicket:
        with office.desk.database.read() as session:
            return service.why_no_ticket(session, session.get_one(Alert, office.alert.id))

    def change(**values: Any) -> None:  # noqa: ANN401  # columns
        with office.desk.database.write() as session:
            alert = session.get_one(Alert, office.alert.id)
            for name, value in values.items():
                setattr(alert, name, value)

    assert why() == service.NoTicket.COMING
    with office.desk.database.write() as session:
        session.get_one(Connection, office.connection_id).stage = Stage.OBSERVE_ONLY
    assert why() == service.NoTicket.NO_ROUTE
    change(status=AlertStatus.PENDING)
    assert why() == service.NoTicket.NOT_FIRING
    change(evidence={**office.alert.evidence, "withheld": ["shadow"]})
    assert why() == service.NoTicket.WITHHELD
    change(integrity=True)
    assert why() == service.NoTicket.INTEGRITY


def test_a_rule_that_is_no_longer_in_force_makes_no_ticket(office: Office) -> None:
    with office.desk.database.write() as session:
        session.get_one(Rule, office.alert.rule_id).retired_at = office.desk.clock()
    assert office.open() is None
    with office.desk.database.read() as session:
        assert service.why_no_ticket(session, office.alert) == service.NoTicket.NOT_ASKED
