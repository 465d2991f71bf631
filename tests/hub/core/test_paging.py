"""Pages by cursor: nothing twice, nothing left out, and no cursor does harm."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.core.errors import InvalidInputError
from hub.core.ids import new_public_id
from hub.core.paging import MOST, PageQuery, read_page
from hub.people.models import Grant, Person

if TYPE_CHECKING:
    from hub.core.database import Database
    from tests.factories import SettableClock


def fill(database: Database, clock: SettableClock, count: int) -> None:
    with database.write() as session:
        person = Person(public_id=new_public_id("per"), key="ada", name="Ada")
        session.add(person)
        session.flush()
        for number in range(count):
            at = clock() if number % 3 else clock.advance(seconds=1)
            session.add(Grant(public_id=f"gra_{number:03}", person_id=person.id, role="viewer", created_at=at))


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_together_are_the_list(database: Database, clock: SettableClock, newest_first: bool) -> None:  # noqa: FBT001  # a parameter of the test
    fill(database, clock, 11)
    found: list[str] = []
    cursor: str | None = None
    with database.read() as session:
        while True:
            query = PageQuery(limit=4, cursor=cursor)
            order = [Grant.created_at, Grant.public_id]
            page = read_page(session, select(Grant), by=order, query=query, newest_first=newest_first)
            found += [grant.public_id for grant in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        rows = session.scalars(select(Grant).order_by(Grant.created_at, Grant.public_id))
        everything = [grant.public_id for grant in rows]
    assert found == (everything[::-1] if newest_first else everything)


def test_a_cursor_holds_no_number_of_a_row(database: Database, clock: SettableClock) -> None:
    fill(database, clock, 5)
    found: list[str] = []
    cursor: str | None = None
    with database.read() as session:
        for wanted in ("gra_001", "gra_003", None):
            page = read_page(session, select(Grant), by=[Grant.id], query=PageQuery(limit=2, cursor=cursor))
            found += [grant.public_id for grant in page.items]
            cursor = page.next_cursor
            held = None if cursor is None else orjson.loads(base64.urlsafe_b64decode(cursor + "=="))
            assert held == (None if wanted is None else [wanted])
        forged = base64.urlsafe_b64encode(orjson.dumps([3])).decode()
        for wrong in (forged, base64.urlsafe_b64encode(b'["gra_none"]').decode()):
            with pytest.raises(InvalidInputError, match="not one that this list gave out"):
                read_page(session, select(Grant), by=[Grant.id], query=PageQuery(cursor=wrong))
    assert found == [f"gra_{number:03}" for number in range(5)]


def test_a_row_added_meanwhile_moves_no_other(database: Database, clock: SettableClock) -> None:
    fill(database, clock, 5)
    with database.read() as session:
        first = read_page(session, select(Grant), by=[Grant.public_id], query=PageQuery(limit=2))
    with database.write() as session:
        person_id = session.scalars(select(Grant.person_id)).first()
        session.add(Grant(public_id="gra_0000", person_id=person_id, role="viewer", created_at=clock()))
    with database.read() as session:
        query = PageQuery(limit=10, cursor=first.next_cursor)
        rest = read_page(session, select(Grant), by=[Grant.public_id], query=query)
    assert [grant.public_id for grant in rest.items] == ["gra_002", "gra_003", "gra_004"]


def test_no_page_is_longer_than_the_limit() -> None:
    assert PageQuery(limit=MOST).limit == 200
    with pytest.raises(ValueError, match="less than or equal to 200"):
        PageQuery(limit=MOST + 1)


def encode(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "é",
        encode(b"5"),
        encode(b"[]"),
        encode(b'["gra_001"]'),
        encode(b'["gra_001", "gra_002"]'),
        encode(b'[99999999999999999999, "gra_002"]'),
        encode(b'[1, "\\u0000"]'),
        encode(b"[true, null]"),
        encode(b"[" * 5000),
        "A" * 100_000,
    ],
)
def test_a_cursor_of_somebody_s_own_making_is_refused(sqlite_database: Database, cursor: str) -> None:
    with sqlite_database.read() as session, pytest.raises(InvalidInputError, match=r"^cursor"):
        read_page(session, select(Grant), by=[Grant.created_at, Grant.public_id], query=PageQuery(cursor=cursor))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text() | st.binary().map(encode))
def test_whatever_the_cursor_the_answer_is_a_page_or_a_refusal(sqlite_database: Database, cursor: str) -> None:
    with sqlite_database.read() as session:
        try:
            page = read_page(session, select(Grant), by=[Grant.public_id], query=PageQuery(cursor=cursor))
        except InvalidInputError:
            return
        assert page.items == []
