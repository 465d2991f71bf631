"""Objectives, key results, and what rules see of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from hub.core.database import Database
from hub.core.errors import InvalidInputError, NotFoundError
from hub.metrics.history import build_history, install
from hub.metrics.models import Series
from hub.ownership.history import fill as fill_ownership
from hub.ownership.models import Duty, SubjectKind
from hub.ownership.service import assign
from hub.people.models import Person
from hub.strategy.history import fill
from hub.strategy.models import KeyResult, LinkKind, Objective
from hub.strategy.service import (
    CycleDraft,
    KeyResultDraft,
    ObjectiveDraft,
    add_link,
    define_cycle,
    define_key_result,
    define_objective,
    progress,
)
from tests.factories import Cast, SettableClock

JANUARY, APRIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
BY = "system:tests"


def set_goals(session: Session, cast: Cast, now: datetime) -> tuple[Objective, Objective, KeyResult]:
    cycle = define_cycle(session, CycleDraft(key="2026-q1", starts_at=JANUARY, ends_at=APRIL), by=BY, now=now)
    units = cast.org_units
    top = ObjectiveDraft(key="grow", name="Grow", org_unit_id=units["acme"], cycle_id=cycle.id)
    above = define_objective(session, top, by=BY, now=now)
    part = ObjectiveDraft(
        key="win-more", name="Win more", org_unit_id=units["sales"], parent_id=above.id, cycle_id=cycle.id
    )
    below = define_objective(session, part, by=BY, now=now)
    result = KeyResultDraft(
        key="kr-1",
        name="Win rate to 60 %",
        objective_id=below.id,
        series_id=cast.series["win-rate"],
        cycle_id=cycle.id,
        baseline=0.4,
        target=0.6,
    )
    return above, below, define_key_result(session, result, by=BY, now=now)


def test_rules_see_objectives_key_results_and_what_measures_them(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    install(database.info, [fill_ownership, fill])
    with database.write() as session:
        above, below, result = set_goals(session, cast, clock())
        series = session.get_one(Series, cast.series["win-rate"])
        ada = session.get_one(Person, cast.persons["ada"])
        assign(session, SubjectKind.SERIES, series.public_id, Duty.OWNER, ada.id, by=BY, now=clock())
        assign(session, SubjectKind.OBJECTIVE, below.public_id, Duty.OWNER, ada.id, by=BY, now=clock())
        history = build_history(session, clock())
        objectives = history.objectives
        assert objectives.id.tolist() == [above.public_id, below.public_id, result.public_id]
        assert objectives.parent.tolist() == ["", above.public_id, below.public_id]
        assert objectives.level.tolist() == ["", "", "key_result"]
        assert objectives.owner.tolist() == ["", ada.public_id, ada.public_id]
        assert objectives.function.tolist() == ["", "sales", "sales"]
        measured = history.measures("key_result")
        assert history.series.id[measured.series].tolist() == [series.public_id, series.public_id]
        assert set(measured.subject.tolist()) == {1, 2}


def test_what_was_not_known_yet_is_not_seen(database: Database, cast: Cast, clock: SettableClock) -> None:
    install(database.info, [fill])
    with database.write() as session:
        above, _, result = set_goals(session, cast, clock())
        add_link(
            session,
            LinkKind.DEPENDS,
            ("objective", above.public_id),
            ("key_result", result.public_id),
            by=BY,
            now=clock(),
        )
        assert len(build_history(session, datetime(2025, 12, 31, tzinfo=UTC)).objectives) == 0
        in_february = build_history(session, datetime(2026, 2, 1, tzinfo=UTC))
        assert len(in_february.objectives) == 3
        assert in_february.links.kind.tolist() == ["measures"]
        assert build_history(session, clock()).links.kind.tolist() == ["measures", "depends"]


def test_the_same_draft_again_changes_nothing(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        first = [row.id for row in set_goals(session, cast, clock())]
        assert [row.id for row in set_goals(session, cast, clock.advance(days=1))] == first


def test_an_objective_cannot_stand_under_itself(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        above, below, _ = set_goals(session, cast, clock())
        draft = ObjectiveDraft(key=above.key, name="Grow", org_unit_id=cast.org_units["acme"], parent_id=below.id)
        with pytest.raises(InvalidInputError, match="under itself"):
            define_objective(session, draft, by=BY, now=clock())


def test_a_key_result_needs_its_series(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        _, below, result = set_goals(session, cast, clock())
        draft = KeyResultDraft(key="kr-2", name="x", objective_id=below.id, series_id=999, cycle_id=result.cycle_id)
        with pytest.raises(NotFoundError, match="no series 999"):
            define_key_result(session, draft, by=BY, now=clock())


@pytest.mark.parametrize(
    ("baseline", "target", "actual", "expected"),
    [(0.4, 0.6, 0.5, 0.5), (10, 0, 5, 0.5), (0, 10, 12, 1.2), (0, 10, -5, -0.5), (1, 1, 1, None), (None, 1, 1, None)],
)
def test_progress_is_the_part_of_the_way_that_was_made(
    baseline: float | None, target: float | None, actual: float | None, expected: float | None
) -> None:
    assert progress(baseline, target, actual) == (pytest.approx(expected) if expected is not None else None)
