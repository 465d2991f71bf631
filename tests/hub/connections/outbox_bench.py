"""Runs the outbox's work in virtual time: due items, deaths of the process, leases that end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connectors.sdk.protocol import TicketDraft
from hub.connections import jobs, service
from hub.connections.models import Connection, Delivery, DeliveryKind, DeliveryState, Managed, Stage
from hub.core.database import Database
from hub.core.ids import new_marker, new_public_id
from hub.core.sealing import Sealer
from hub.settings import Settings
from hub.work.context import Context, Handler, LostLeaseError, RetryLater
from hub.work.models import WorkItem, WorkState
from tests.factories import SettableClock
from tests.hub.connections.lying_tool import LyingTool, LyingTools, ProcessDeathError

HANDLERS: Mapping[str, Handler] = {
    "connections.deliver": jobs.deliver,
    "connections.release": jobs.release,
    "connections.sweep": jobs.sweep,
}
LEASE = timedelta(seconds=300)
DRAFT = TicketDraft(title="Nobody measures NPS", closes_when="a new observation")


@dataclass
class OutboxBench:
    """A database with one org unit, its tools, and the work on them."""

    database: Database
    clock: SettableClock
    settings: Settings
    org_unit_id: int
    tools: LyingTools = field(default_factory=LyingTools)
    due: dict[int, datetime] = field(default_factory=dict)
    failpoint: Callable[[str], None] = lambda _label: None

    def connect(self, key: str = "jira", *, stage: Stage = Stage.WRITING, writes_per_minute: int = 6000) -> LyingTool:
        """Add a connection to a tool that lies when it is told to."""
        with self.database.write() as session:
            draft = service.Draft(key, "jira", key.title(), {}, {}, self.org_unit_id, Managed.FORM)
            sealer = Sealer.from_settings(self.settings)
            made = service.add_connection(session, draft, sealer=sealer, by="system:test", now=self.clock())
            made.stage, made.writes_per_minute = stage, writes_per_minute
        self.tools.tools[key] = LyingTool(self.clock)
        return self.tools.tools[key]

    def ask(
        self,
        kind: DeliveryKind = DeliveryKind.CREATE_TICKET,
        body: Mapping[str, Any] | None = None,
        *,
        connection: str = "jira",
        item: str = "item",
        dedupe_key: str | None = None,
        **options: Any,  # noqa: ANN401  # submit's own options
    ) -> Delivery:
        """Submit a delivery and give its row."""
        with self.database.write() as session:
            made = service.submit(
                session,
                service.find_connection(session, connection).id,
                kind,
                item,
                {"draft": DRAFT} if body is None else body,
                marker=options.pop("marker", None) or new_marker(),
                dedupe_key=dedupe_key or new_public_id("tst"),
                now=self.clock(),
                **options,
            )
            return session.get_one(Delivery, made)

    def row(self, delivery: Delivery) -> Delivery:
        """Read a delivery as it is now."""
        with self.database.read() as session:
            return session.get_one(Delivery, delivery.id)

    def steps(self, delivery: Delivery) -> list[str]:
        """List what happened to a delivery."""
        with self.database.read() as session:
            return [step.step for step in service.list_steps(session, delivery)]

    def change(self, act: Callable[[Session, Connection], object], key: str = "jira") -> None:
        """Do something to a connection, in a transaction."""
        with self.database.write() as session:
            act(session, service.find_connection(session, key))

    def sweep(self) -> None:
        """Look for twins now."""
        context = Context(self.database, self.settings, self.clock, 0, 0, {"connectors": self.tools})
        jobs.sweep(_Unfenced(context), {})  # type: ignore[arg-type]  # as a context, without an item to hold

    def run_due(self) -> int:
        """Do everything that is due now, and what comes of it; say how much it was."""
        done = 0
        while ready := self._ready():
            for item in ready:
                self._run(item)
            done += len(ready)
        return done

    def run(self, *, until: datetime | None = None) -> None:
        """Let time pass from one due item to the next, until nothing is left (or that instant)."""
        self.run_due()
        while waiting := [at for at in self.due.values() if until is None or at <= until]:
            self.clock.set(max(min(waiting), self.clock()))
            self.run_due()
        if until is not None:
            self.clock.set(until)

    def events(self, name: str) -> list[dict[str, Any]]:
        """List what was told to a subscriber of an event."""
        with self.database.read() as session:
            return list(session.scalars(select(WorkItem.payload).where(WorkItem.kind == f"test.{name}")))

    def _ready(self) -> list[WorkItem]:
        with self.database.read() as session:
            items = session.scalars(
                select(WorkItem)
                .where(WorkItem.state == WorkState.READY, WorkItem.kind.in_(HANDLERS))
                .order_by(WorkItem.id)
            ).all()
        return [item for item in items if self.due.get(item.id, self.clock()) <= self.clock()]

    def _run(self, item: WorkItem) -> None:
        with self.database.write() as session:
            session.execute(update(WorkItem).where(WorkItem.id == item.id).values(attempt=WorkItem.attempt + 1))
        self.due.pop(item.id, None)
        context = Context(
            self.database,
            self.settings,
            self.clock,
            item.id,
            item.attempt + 1,
            {"connectors": self.tools},
            self.failpoint,
        )
        try:
            HANDLERS[item.kind](context, item.payload)
        except RetryLater as later:
            self.due[item.id] = later.at
        except (ProcessDeathError, LostLeaseError):
            self.due[item.id] = self.clock() + LEASE
        else:
            with self.database.write() as session:
                session.execute(update(WorkItem).where(WorkItem.id == item.id).values(state=WorkState.DONE))


class _Unfenced:
    """A context outside the work engine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.transaction = context.database.write

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a context has
        return getattr(self._context, name)


ENDED_WELL = {DeliveryState.APPLIED}
