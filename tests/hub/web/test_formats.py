"""Instants, days, weeks and numbers as people read them, in their own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from flask import g

from hub.core.access import Principal
from hub.web import formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiflask import APIFlask

NIGHT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
"""Half an hour before the clocks change in Berlin."""


@pytest.fixture(params=["Europe/Berlin"])
def zone(request: pytest.FixtureRequest, app: APIFlask) -> Iterator[None]:
    """Be a reader in a zone."""
    with app.test_request_context("/"):
        g.principal = Principal(1, "per_1", "Ada", zone=request.param)
        yield


@pytest.mark.usefixtures("zone")
def test_an_instant_is_written_where_the_reader_is() -> None:
    assert formats.instant(NIGHT) == (
        '<time datetime="2026-03-28T23:30:00+00:00" title="2026-03-28T23:30:00+00:00 (CET)">29 Mar 2026, 00:30</time>'
    )
    assert formats.day(NIGHT) == '<time datetime="2026-03-29">29 Mar 2026</time>'
    assert formats.day(date(2026, 3, 28)) == '<time datetime="2026-03-28">28 Mar 2026</time>'


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("zone", ["No/Where", "Pacific/Auckland"], indirect=True)
def test_an_unknown_zone_is_read_as_utc(request: pytest.FixtureRequest) -> None:
    where = request.node.callspec.params["zone"]
    assert str(formats.zone()) == ("UTC" if where == "No/Where" else where)


@pytest.mark.usefixtures("zone")
def test_a_week_is_the_iso_week_of_the_reader_s_day() -> None:
    assert formats.week(date(2027, 1, 1)) == "2026-W53"
    assert formats.week(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)) == "2026-W10"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1234567.5, None, "1,234,567.5"), (0.1 + 0.2, None, "0.3"), (2.005, 1, "2.0"), (-3, 0, "-3"), (None, 2, "\u2013")],
)
def test_numbers_are_grouped_and_rounded_only_where_asked(value: float | None, digits: int | None, text: str) -> None:
    assert formats.number(value, digits) == text


def test_a_share_is_written_as_per_cent() -> None:
    assert [formats.percent(0.256), formats.percent(0.256, 1), formats.percent(None)] == ["26%", "25.6%", "\u2013"]


def test_every_zone_that_is_offered_is_one() -> None:
    names = formats.zone_names()
    assert {"UTC", "Europe/Berlin"} <= set(names)
    assert names == sorted(names)
