"""The dictionary: calendars, metrics, definitions, series."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from hub.audit.models import AuditEntry
from hub.core.database import Database
from hub.core.errors import ConflictError, InvalidInputError, NotFoundError
from hub.metrics.models import Kind, Metric, Series, SeriesColumn
from hub.metrics.service import (
    CalendarDraft,
    MetricDraft,
    ObservationDraft,
    SeriesDraft,
    define_calendar,
    define_metric,
    define_series,
    define_wording,
    definitions_as_of,
    find_metric,
    find_series,
    observations_as_of,
    record_observations,
)
from tests.factories import TODAY, Cast, SettableClock

BY = "system:tests"


def metric(cast: Cast, **said: object) -> MetricDraft:
    return MetricDraft.model_validate({"key": "nps", "name": "NPS", "org_unit_id": cast.org_units["sales"], **said})


def series(cast: Cast, **said: object) -> SeriesDraft:
    base = {"key": "nps", "metric_id": cast.metrics["calls"], "org_unit_id": cast.org_units["support"]}
    return SeriesDraft.model_validate(base | said)


def test_a_draft_with_a_known_key_changes_that_metric(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        first = define_metric(session, metric(cast), by=BY, now=clock())
        again = define_metric(session, metric(cast, name="Net promoters", cutoffs=(9, 7)), by=BY, now=clock())
        assert again.id == first.id
        assert (again.name, again.cutoffs) == ("Net promoters", [7.0, 9.0])


def test_only_changes_reach_the_audit_trail(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        made = define_metric(session, metric(cast), by=BY, now=clock())
        define_metric(session, metric(cast), by=BY, now=clock())
        define_metric(session, metric(cast, kind=Kind.SCORE), by=BY, now=clock())
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == made.public_id)).all()
        assert [entry.action for entry in entries] == ["metric.added", "metric.changed"]
        assert entries[1].detail == '{"kind":"score"}'


def test_another_wording_is_a_new_version_and_the_old_one_stays_known(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        made = define_metric(session, metric(cast, wording="asked by mail"), by=BY, now=clock())
        define_metric(session, metric(cast, wording="asked by mail"), by=BY, now=clock())
        before = clock()
        define_wording(session, made, wording="asked by phone", reason="mail unread", by=BY, now=clock.advance(days=1))
        now = definitions_as_of(session, made.id)
        assert [(one.version, one.wording) for one in now] == [(2, "asked by phone"), (1, "asked by mail")]
        assert [one.version for one in definitions_as_of(session, made.id, before)] == [1]


def test_a_first_wording_that_held_before_counts_as_known_since_then(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    since = clock() - timedelta(days=100)
    with database.write() as session:
        made = define_metric(session, metric(cast), by=BY, now=clock())
        first = define_wording(session, made, wording="asked by mail", starts_at=since, by=BY, now=clock())
        second = define_wording(session, made, wording="asked by phone", starts_at=since, by=BY, now=clock())
        assert (first.recorded_at, first.recorded_imputed) == (since, True)
        assert (second.recorded_at, second.recorded_imputed) == (clock(), False)


def test_a_series_without_a_calendar_lives_in_the_default_one(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        assert define_series(session, series(cast), by=BY, now=clock()).calendar_id == cast.calendars["default"]


def test_a_metric_is_measured_once_in_an_org_unit_and_segment(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        define_series(session, series(cast), by=BY, now=clock())
        with pytest.raises(ConflictError, match="give the new one a segment"):
            define_series(session, series(cast, key="other"), by=BY, now=clock())
        define_series(session, series(cast, key="other", segment="emea"), by=BY, now=clock())


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ({"cadence": "fortnightly"}, "is no cadence"),
        ({"latency": "soon"}, "write for example 14d"),
        ({"guardrail_id": 999}, "define that series first"),
    ],
)
def test_a_series_that_makes_no_sense_is_refused_with_the_remedy(
    database: Database, cast: Cast, clock: SettableClock, said: dict[str, object], remedy: str
) -> None:
    with database.write() as session, pytest.raises(InvalidInputError, match=remedy):
        define_series(session, series(cast, **said), by=BY, now=clock())


def test_a_calendar_that_could_never_answer_is_refused(database: Database, clock: SettableClock) -> None:
    with database.write() as session, pytest.raises(InvalidInputError, match="Europe/Berlin"):
        define_calendar(session, CalendarDraft(key="x", zone="Mars/Base"), by=BY, now=clock())


def test_a_typing_mistake_in_a_draft_is_an_error(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="cutofs"):
        metric(cast, cutofs=(1,))


def test_another_cadence_lays_the_columns_out_anew(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        made = define_series(session, series(cast, cadence="daily"), by=BY, now=clock())
        days = [ObservationDraft(made.id, TODAY - timedelta(days=number), number) for number in range(40)]
        record_observations(session, days, now=clock())
        before = session.scalars(select(SeriesColumn.stretch).where(SeriesColumn.series_id == made.id)).all()
        define_series(session, series(cast, cadence="PT5M"), by=BY, now=clock())
        after = session.scalars(select(SeriesColumn.stretch).where(SeriesColumn.series_id == made.id)).all()
        assert len(after) > len(before)
        record_observations(session, days, now=clock())
        assert len(observations_as_of(session, made.id)) == 40


def test_things_are_found_by_key_and_by_public_id(database: Database, cast: Cast) -> None:
    with database.read() as session:
        calls = session.get_one(Metric, cast.metrics["calls"])
        assert find_metric(session, "calls") is find_metric(session, calls.public_id) is calls
        assert find_series(session, "calls") is session.get_one(Series, cast.series["calls"])
        with pytest.raises(NotFoundError, match="no metric 'cals'"):
            find_metric(session, "cals")
