"""Several workers at once over one outbox: one ticket each, in order, and nobody waits for ever (R10)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select

from hub.connections import service
from hub.connections.models import ENDED, Delivery, DeliveryKind, DeliveryState
from hub.core.database import database_now
from hub.core.ids import new_marker
from hub.core.instants import utc_now
from hub.work.engine import Engine
from hub.work.models import WorkItem, WorkState
from tests.hub.connections.lying_tool import Fault
from tests.hub.connections.outbox_bench import DRAFT, HANDLERS, OutboxBench

WORKERS = 4
DEADLINE = timedelta(seconds=90)


def drain(bench: OutboxBench, worker: int) -> None:
    """Work like one worker process, until every delivery has ended."""
    engine = Engine(
        bench.database, bench.settings, HANDLERS, tools={"connectors": bench.tools}, owner=f"here/{worker}/0"
    )
    until = utc_now() + DEADLINE
    while utc_now() < until:
        with bench.database.read() as session:
            if not session.scalar(select(Delivery.id).where(Delivery.state.not_in(ENDED)).limit(1)):
                return
            due = session.scalars(
                select(WorkItem.id)
                .where(
                    WorkItem.state == WorkState.READY,
                    WorkItem.kind.in_(HANDLERS),
                    WorkItem.due_at <= database_now(session),
                    WorkItem.lease_until.is_(None),
                )
                .order_by(WorkItem.id)
                .limit(2 * WORKERS)
            ).all()
        for item_id in due[worker % 2 :: 2] or due:
            engine.run_item(item_id)
        if not due:
            time.sleep(0.02)  # another worker has it, or it is not due yet


def test_workers_that_share_an_outbox_keep_its_promises(bench: OutboxBench) -> None:
    bench.settings = bench.settings.model_copy(update={"settle_seconds": 1, "lease_seconds": 30})
    jira = bench.connect(writes_per_minute=1_000_000)
    bench.clock.set(utc_now())
    jira.clock = utc_now
    jira.faults.extend([Fault.LOST_AFTER, Fault.NONE, Fault.LOST_BEFORE, Fault.NONE, Fault.LOST_AFTER])
    asked = []
    for number in range(10):
        asked.append(bench.ask(item=f"i{number}"))
        bench.ask(DeliveryKind.COMMENT, {"text": "Please look."}, item=f"i{number}")
        bench.ask(DeliveryKind.TRANSITION, {"state": "closed"}, item=f"i{number}")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda worker: drain(bench, worker), range(WORKERS)))

    with bench.database.read() as session:
        states = session.scalars(select(Delivery.state)).all()
    assert set(states) == {DeliveryState.APPLIED}
    assert len(jira.tickets) == 10
    for one in asked:
        (made,) = [kept for kept in jira.tickets.values() if kept.marker == one.marker]
        assert (len(made.comments), made.state) == (1, "closed")


def test_one_finding_raised_by_many_at_once_is_one_delivery(bench: OutboxBench) -> None:
    bench.connect()
    with bench.database.read() as session:
        connection_id = service.find_connection(session, "jira").id

    def raise_it(_time: int) -> int:
        with bench.database.write() as session:
            return service.submit(
                session,
                connection_id,
                DeliveryKind.CREATE_TICKET,
                "finding-1",
                {"draft": DRAFT},
                marker=new_marker(),
                dedupe_key="finding-1",
                now=bench.clock(),
            )

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(raise_it, range(80)))

    assert len(made) == 1
    with bench.database.read() as session:
        assert len(session.scalars(select(WorkItem).where(WorkItem.kind == "connections.deliver")).all()) == 1
