"""The fields that conditions ask, taken from a history."""

from __future__ import annotations

import numpy as np
import pytest

from rules.history import History
from rules.schema import Subject
from rules.subjects import columns, org_path

HISTORY = History.build(
    as_of="2026-03-31",
    series=[
        {
            "id": "a",
            "metric": "m",
            "title": "Alpha",
            "unit": "days",
            "kind": "measure",
            "direction": "down",
            "cadence": "weekly",
            "calendar": "berlin",
            "latency": "3d",
            "thresholds": "1;2",
            "org_unit": "de",
            "function": "sales",
            "owner": "ann",
            "steward": "bob",
            "guardrail": "b",
            "indicator": "leading",
            "self_reported": True,
            "incentive": True,
            "retired": True,
            "labels": {"tier": "1"},
        },
        {"id": "b"},
    ],
    calendars=[{"name": "berlin", "zone": "Europe/Berlin"}],
    org_units=[{"id": "de", "parent": "emea"}, {"id": "emea", "parent": "group"}, {"id": "group"}],
    objectives=[
        {"id": "kr", "level": "key_result", "parent": "o", "owner": "ann", "status": "at risk", "org_unit": "emea"},
        {"id": "o", "level": "team", "title": "Grow", "function": "law", "retired": True, "labels": {"tier": "2"}},
        {"id": "unmeasured"},
    ],
    links=[{"source": "kr", "target": "a", "kind": "measures"}, {"source": "b", "target": "o", "kind": "measures"}],
    feeds=[{"series": "a", "last_attempt": "2026-03-01"}],
)


def subject(kind: str, name: str) -> Subject:
    row = HISTORY.subjects(kind).row_of[name]
    found = columns(HISTORY, kind, np.array([row]), list(Subject.model_fields))
    return Subject.model_validate({field: values[0] for field, values in found.items()})


def test_a_series_in_every_field() -> None:
    assert subject("series", "a") == Subject(
        id="a",
        kind="series",
        title="Alpha",
        metric="m",
        metric_kind="measure",
        unit="days",
        direction="down",
        cadence="weekly",
        calendar="berlin",
        indicator="leading",
        function="sales",
        org_unit="de",
        org_path=("de", "emea", "group"),
        thresholds=(1.0, 2.0),
        has_owner=True,
        has_steward=True,
        has_promise=True,
        has_guardrail=True,
        has_feed=True,
        self_reported=True,
        incentive=True,
        retired=True,
        labels={"tier": "1"},
    )


def test_a_bare_series_is_unknown_in_every_field() -> None:
    assert subject("series", "b") == Subject(id="b", kind="series")


def test_a_key_result_has_its_own_row_and_what_its_series_adds() -> None:
    assert subject("key_result", "kr") == Subject(
        id="kr",
        kind="key_result",
        metric="m",
        metric_kind="measure",
        unit="days",
        direction="down",
        cadence="weekly",
        calendar="berlin",
        indicator="leading",
        org_unit="emea",
        org_path=("emea", "group"),
        level="key_result",
        status="at risk",
        parent="o",
        thresholds=(1.0, 2.0),
        has_owner=True,
        has_steward=True,
        has_promise=True,
        has_guardrail=True,
        has_feed=True,
        self_reported=True,
        incentive=True,
    )


def test_an_objective_is_described_by_the_first_series_that_measures_it() -> None:
    found = subject("objective", "o")
    assert (found.title, found.function, found.retired, found.labels) == ("Grow", "law", True, {"tier": "2"})
    assert found.cadence == "weekly"
    assert not found.has_owner


def test_an_objective_without_series_is_unknown_where_only_series_know() -> None:
    assert subject("objective", "unmeasured") == Subject(id="unmeasured", kind="objective")


def test_rows_may_come_in_any_order_and_number() -> None:
    assert columns(HISTORY, "series", np.array([1, 0, 1]), ("id", "incentive")) == {
        "id": ["b", "a", "b"],
        "incentive": [False, True, False],
    }
    assert columns(HISTORY, "series", np.array([], dtype=np.int64), ("thresholds",)) == {"thresholds": []}


@pytest.mark.parametrize(("unit", "path"), [("", ()), ("elsewhere", ("elsewhere",)), ("emea", ("emea", "group"))])
def test_the_path_of_an_org_unit(unit: str, path: tuple[str, ...]) -> None:
    assert org_path(HISTORY, unit) == path


def test_a_loop_in_the_tree_ends() -> None:
    history = History.build(as_of=0, org_units=[{"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}])
    assert org_path(history, "a") == ("a", "b")
