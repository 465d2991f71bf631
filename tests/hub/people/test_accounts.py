"""Set-up with the console's token, and invitations (R25)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.core.access import Granted, Permission, Principal, Role
from hub.core.errors import ConflictError, ForbiddenError, InvalidInputError
from hub.people.models import Grant, OrgUnit, Person, SetupToken
from hub.people.service import (
    Founder,
    accept_invitation,
    change_person,
    disable_account,
    enable_account,
    end_grant,
    find_invited,
    first_run_notice,
    give_role,
    has_accounts,
    invite,
    principal_of,
    set_password,
    set_up,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.core.database import Database
    from tests.factories import Cast, SettableClock

ADA = Founder("Acme", "Ada", "Ada@Acme.example", "Europe/Berlin")
HASH = "not a real hash"
BY = "system:tests"


def token_of(notice: str | None) -> str:
    found = re.search(r"token=(\S+)", notice or "")
    assert found is not None
    return found[1]


def test_the_console_s_token_sets_up_once(database: Database, clock: SettableClock) -> None:
    with database.write() as session:
        notice = first_run_notice(session, address="http://127.0.0.1:8080/", now=clock())
        assert notice is not None
        assert "http://127.0.0.1:8080/setup?token=" in notice
        ada = set_up(session, token_of(notice), ADA, HASH, now=clock())
        principal = principal_of(session, ada, default_zone="UTC", now=clock())
        assert principal.permissions == frozenset(Permission)
        assert principal.zone == "Europe/Berlin"
        assert session.scalars(select(OrgUnit.name)).all() == ["Acme"]
        assert first_run_notice(session, address="x", now=clock()) is None
        with pytest.raises(ConflictError, match="set up already"):
            set_up(session, token_of(notice), ADA, HASH, now=clock())


def test_only_the_newest_token_holds_and_no_other(database: Database, clock: SettableClock) -> None:
    with database.write() as session:
        old = token_of(first_run_notice(session, address="x", now=clock()))
        new = token_of(first_run_notice(session, address="x", now=clock()))
        for wrong in (old, "guess", ""):
            with pytest.raises(ForbiddenError, match="does not hold"):
                set_up(session, wrong, ADA, HASH, now=clock())
        set_up(session, new, ADA, HASH, now=clock())


def test_set_up_joins_the_organisation_that_is_there(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        ada = set_up(
            session,
            token_of(first_run_notice(session, address="x", now=clock())),
            Founder("Other", "Zoe", "zoe@acme.example", None),
            HASH,
            now=clock(),
        )
        assert ada.org_unit_id == cast.org_units["acme"]


def test_tokens_are_kept_as_hashes(database: Database, clock: SettableClock) -> None:
    with database.write() as session:
        token = token_of(first_run_notice(session, address="x", now=clock()))
        assert token not in session.scalars(select(SetupToken.token_hash)).one()


def test_an_invitation_works_once_and_for_a_week(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        bo = session.get_one(Person, cast.persons["bo"])
        first, second = (invite(session, bo, by="system:tests", now=clock()) for _ in range(2))
        assert find_invited(session, first, now=clock()) is None
        assert find_invited(session, second, now=clock()) is bo
        assert accept_invitation(session, second, HASH, now=clock()) is bo
        assert has_accounts(session)
        with pytest.raises(ForbiddenError, match="used or is too old"):
            accept_invitation(session, second, HASH, now=clock())
        third = invite(session, bo, by="system:tests", now=clock())
        clock.advance(days=7)
        with pytest.raises(ForbiddenError, match="used or is too old"):
            accept_invitation(session, third, HASH, now=clock())


def test_an_invitation_is_no_way_to_set_up(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        first_run_notice(session, address="x", now=clock())
        token = invite(session, session.get_one(Person, cast.persons["bo"]), by="system:tests", now=clock())
        with pytest.raises(ForbiddenError, match="does not hold"):
            set_up(session, token, ADA, HASH, now=clock())


def test_who_has_left_or_has_no_address_is_not_invited(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        ada, bo = (session.get_one(Person, cast.persons[key]) for key in ("ada", "bo"))
        ada.active, bo.email = False, None
        for person in (ada, bo):
            with pytest.raises(InvalidInputError):
                invite(session, person, by="system:tests", now=clock())


def test_nobody_invites_somebody_who_may_do_more(database: Database, cast: Cast, clock: SettableClock) -> None:
    admin_of_sales = Principal(9, "per_9", "X", (Granted(Role.ADMIN, frozenset({cast.org_units["sales"]})),))
    with database.write() as session:
        ada, cy = (session.get_one(Person, cast.persons[key]) for key in ("ada", "cy"))
        invite(session, ada, by=admin_of_sales, now=clock())
        with pytest.raises(ForbiddenError, match="more than you"):
            invite(session, cy, by=admin_of_sales, now=clock())
        give_role(session, person=ada, role=Role.VIEWER, org_unit_id=None, by="system:tests", now=clock())
        with pytest.raises(ForbiddenError, match="more than you"):
            invite(session, ada, by=admin_of_sales, now=clock())


def test_only_an_admin_opens_a_disabled_account_again(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        bo = session.get_one(Person, cast.persons["bo"])
        account = set_password(session, bo, HASH, by=BY, now=clock())
        disable_account(session, bo, by=BY, now=clock())
        assert set_password(session, bo, "another", by=BY, now=clock()) is account
        session.refresh(account)
        assert [account.disabled_at, account.password_hash] == [clock(), "another"]
        with pytest.raises(ConflictError, match="let them sign in again first"):
            invite(session, bo, by=BY, now=clock())
        enable_account(session, bo, by=BY, now=clock())
        session.refresh(account)
        assert [account.disabled_at, account.password_hash] == [None, "another"]


def test_an_invitation_ends_with_what_it_was_made_for(database: Database, cast: Cast, clock: SettableClock) -> None:
    def leave(session: Session, person: Person) -> None:
        for active in (False, True):
            change_person(session, person, {"active": active}, by=BY, now=clock())

    def be_disabled(session: Session, person: Person) -> None:
        set_password(session, person, HASH, by=BY, now=clock())
        session.flush()
        disable_account(session, person, by=BY, now=clock())
        enable_account(session, person, by=BY, now=clock())

    def choose_another_password(session: Session, person: Person) -> None:
        set_password(session, person, "another", by=BY, now=clock())

    def be_made_viewer(session: Session, person: Person) -> None:
        give_role(session, person=person, role=Role.VIEWER, org_unit_id=None, by=BY, now=clock())

    for happens in (leave, be_disabled, choose_another_password, be_made_viewer):
        with database.write() as session:
            bo = session.get_one(Person, cast.persons["bo"])
            token = invite(session, bo, by=BY, now=clock())
            assert find_invited(session, token, now=clock()) is bo
            happens(session, bo)
            assert find_invited(session, token, now=clock()) is None, happens


@pytest.mark.parametrize("change", ["stronger guest", "weaker maker", "maker left", "maker disabled"])
def test_an_invitation_is_worth_what_its_maker_may_do_now(
    database: Database, cast: Cast, clock: SettableClock, change: str
) -> None:
    with database.write() as session:
        ada, bo = (session.get_one(Person, cast.persons[key]) for key in ("ada", "bo"))
        set_password(session, ada, HASH, by=BY, now=clock())
        sales = cast.org_units["sales"]
        grant = give_role(session, person=ada, role=Role.ADMIN, org_unit_id=sales, by=BY, now=clock())
        ada_now = principal_of(session, ada, default_zone="UTC", now=clock())
        first = invite(session, bo, by=ada_now, now=clock())
        assert accept_invitation(session, first, HASH, now=clock()) is bo
        second = invite(session, bo, by=ada_now, now=clock())
        if change == "stronger guest":  # as when an org unit moves, which is no new role
            session.add(Grant(public_id="gra_x", person_id=bo.id, role=Role.VIEWER, created_at=clock()))
        elif change == "weaker maker":
            end_grant(session, grant, by=BY, now=clock())
        elif change == "maker left":
            change_person(session, ada, {"active": False}, by=BY, now=clock())
        else:
            disable_account(session, ada, by=BY, now=clock())
        with pytest.raises(ForbiddenError, match="ask an admin"):
            accept_invitation(session, second, HASH, now=clock())


def test_nobody_acts_on_the_account_of_somebody_who_may_do_more(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    admin_of_sales = Principal(9, "per_9", "X", (Granted(Role.ADMIN, frozenset({cast.org_units["sales"]})),))
    with database.write() as session:
        ada, bo = (session.get_one(Person, cast.persons[key]) for key in ("ada", "bo"))
        give_role(session, person=ada, role=Role.ADMIN, org_unit_id=None, by=BY, now=clock())
        for change in ({"email": "x@evil.example"}, {"active": False}, {"key": "x"}, {"name": "X"}):
            with pytest.raises(ForbiddenError, match="more than you"):
                change_person(session, ada, change, by=admin_of_sales, now=clock())
            change_person(session, bo, change, by=admin_of_sales, now=clock())
        for act in (disable_account, enable_account):
            with pytest.raises(ForbiddenError, match="more than you"):
                act(session, ada, by=admin_of_sales, now=clock())
        myself = principal_of(session, ada, default_zone="UTC", now=clock())
        change_person(session, ada, {"name": "Ada L."}, by=myself, now=clock())


def test_the_last_admin_neither_leaves_nor_is_disabled(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        ada, bo = (session.get_one(Person, cast.persons[key]) for key in ("ada", "bo"))
        for person in (ada, bo):
            set_password(session, person, HASH, by=BY, now=clock())
        give_role(session, person=ada, role=Role.ADMIN, org_unit_id=None, by=BY, now=clock())
        give_role(session, person=ada, role=Role.ADMIN, org_unit_id=None, by=BY, now=clock())
        with pytest.raises(ConflictError, match="last admin"):
            disable_account(session, ada, by=BY, now=clock())
        with pytest.raises(ConflictError, match="last admin"):
            change_person(session, ada, {"active": False}, by=BY, now=clock())
        give_role(session, person=bo, role=Role.ADMIN, org_unit_id=None, by=BY, now=clock())
        disable_account(session, ada, by=BY, now=clock())
        with pytest.raises(ConflictError, match="last admin"):
            disable_account(session, bo, by=BY, now=clock())
