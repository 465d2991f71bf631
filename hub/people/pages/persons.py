"""Persons and their roles."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from http import HTTPStatus

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.core.access import Permission, Role, find_visible, require_within, visible
from hub.core.errors import ConflictError, InvalidInputError
from hub.core.paging import PageQuery, read_page
from hub.people.models import Account, Grant, OrgUnit, Person
from hub.people.service import (
    add_person,
    change_person,
    disable_account,
    enable_account,
    end_grant,
    give_role,
    holds,
    invite,
)
from hub.web.formats import zone
from hub.web.forms import Form, read_form
from hub.web.inputs import Email, Input, Key, Line, Reference
from hub.web.requests import principal, requires, session, state

pages = Blueprint("persons", __name__)
ROLES = [(role.value, role.value.replace("_", " ")) for role in Role]


class PersonForm(Input):
    """A person, as the form has one."""

    key: Key
    name: Line
    email: Email | None = None
    org_unit: Reference | None = None


class RoleForm(Input):
    """A role, as the form has one; `until` is its last day where the reader lives."""

    role: Role
    org_unit: Reference | None = None
    until: date | None = None


@pages.get("/people")
@requires(Permission.PEOPLE_READ)
def list_persons() -> str:
    """List persons; htmx asks for the rows alone."""
    search = request.args.get("search", "")[:200]
    statement = visible(select(Person), principal(), Person)
    if search:
        statement = statement.where(Person.name.icontains(search, autoescape=True))
    page = read_page(
        session(), statement, by=[Person.name, Person.public_id], query=PageQuery(cursor=request.args.get("cursor"))
    )
    units = _names(session(), {person.org_unit_id for person in page.items})
    template = "people/person_rows.html" if "HX-Request" in request.headers else "people/persons.html"
    return render_template(template, page=page, units=units, search=search)


@pages.get("/people/new")
@requires(Permission.PEOPLE_MANAGE)
def new_person() -> str:
    """Show the form for a new person."""
    return render_template("people/new_person.html", form=Form(), units=_unit_choices(session()))


@pages.post("/people")
@requires(Permission.PEOPLE_MANAGE)
def create_person() -> Response | tuple[str, int]:
    """Add a person."""
    form = read_form(PersonForm)
    if form.data is not None:
        org_unit_id = _unit_id(form.data.org_unit)
        require_within(principal(), Permission.PEOPLE_MANAGE, org_unit_id)
        try:
            person = add_person(
                session(), **form.data.model_dump(exclude={"org_unit"}), org_unit_id=org_unit_id, by=principal()
            )
        except ConflictError as error:
            form.refuse(error)
        else:
            return redirect(url_for(".show_person", person_id=person.public_id, done="added"), HTTPStatus.SEE_OTHER)
    page = render_template("people/new_person.html", form=form, units=_unit_choices(session()))
    return page, HTTPStatus.UNPROCESSABLE_ENTITY


@pages.get("/people/<person_id>")
@requires(Permission.PEOPLE_READ)
def show_person(person_id: str) -> str:
    """Show a person and their roles."""
    return _page(find_visible(session(), principal(), Person, person_id))


@pages.post("/people/<person_id>")
@requires(Permission.PEOPLE_MANAGE)
def update_person(person_id: str) -> Response | tuple[str, int]:
    """Change a person."""
    person = find_visible(session(), principal(), Person, person_id)
    form = read_form(PersonForm)
    if form.data is None:
        return _page(person, change=form), HTTPStatus.UNPROCESSABLE_ENTITY
    changes = form.data.model_dump(exclude={"org_unit"})
    changes["org_unit_id"] = _unit_id(form.data.org_unit)
    require_within(principal(), Permission.PEOPLE_MANAGE, changes["org_unit_id"])
    try:
        change_person(session(), person, changes, by=principal(), now=state().clock())
    except ConflictError as error:
        form.refuse(error)
        return _page(person, change=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _back(person, "saved")


@pages.post("/people/<person_id>/leave")
@requires(Permission.PEOPLE_MANAGE)
def leave(person_id: str) -> Response:
    """Say that a person has left, or is back."""
    person = find_visible(session(), principal(), Person, person_id)
    change_person(session(), person, {"active": not person.active}, by=principal(), now=state().clock())
    return _back(person, "saved")


@pages.post("/people/<person_id>/roles")
@requires(Permission.PEOPLE_MANAGE)
def add_role(person_id: str) -> Response | tuple[str, int]:
    """Give a person a role."""
    person = find_visible(session(), principal(), Person, person_id)
    form = read_form(RoleForm)
    if form.data is None:
        return _page(person, role=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        give_role(
            session(),
            person=person,
            role=form.data.role,
            org_unit_id=_unit_id(form.data.org_unit),
            until=_end_of(form.data.until),
            by=principal(),
            now=state().clock(),
        )
    except InvalidInputError as error:
        form.refuse(error)
        return _page(person, role=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _back(person, "role")


@pages.post("/people/<person_id>/roles/<grant_id>/end")
@requires(Permission.PEOPLE_MANAGE)
def end_role(person_id: str, grant_id: str) -> Response:
    """Take a role back."""
    person = find_visible(session(), principal(), Person, person_id, Permission.PEOPLE_READ)
    end_grant(session(), find_visible(session(), principal(), Grant, grant_id), by=principal(), now=state().clock())
    return _back(person, "ended")


@pages.post("/people/<person_id>/invite")
@requires(Permission.PEOPLE_MANAGE)
def invite_person(person_id: str) -> tuple[str, int]:
    """Make an invitation and show its address, this once."""
    person = find_visible(session(), principal(), Person, person_id)
    token = invite(session(), person, by=principal(), now=state().clock())
    base = (state().settings.public_url or request.host_url).rstrip("/")
    return _page(person, invitation=f"{base}{url_for('people.account.show_join', token=token)}"), HTTPStatus.CREATED


@pages.post("/people/<person_id>/disable")
@requires(Permission.PEOPLE_MANAGE)
def disable(person_id: str) -> Response:
    """Stop a person from signing in."""
    person = find_visible(session(), principal(), Person, person_id)
    disable_account(session(), person, by=principal(), now=state().clock())
    return _back(person, "disabled")


@pages.post("/people/<person_id>/enable")
@requires(Permission.PEOPLE_MANAGE)
def enable(person_id: str) -> Response:
    """Let a person sign in again."""
    person = find_visible(session(), principal(), Person, person_id)
    enable_account(session(), person, by=principal(), now=state().clock())
    return _back(person, "enabled")


def _page(
    person: Person,
    *,
    change: Form[PersonForm] | None = None,
    role: Form[RoleForm] | None = None,
    invitation: str | None = None,
) -> str:
    now = state().clock()
    theirs = select(Grant).where(Grant.person_id == person.id, holds(now)).order_by(Grant.public_id)
    account = session().scalars(select(Account).where(Account.person_id == person.id)).one_or_none()
    held = session().scalars(visible(theirs, principal(), Grant, Permission.PEOPLE_READ)).all()
    units = _names(session(), {person.org_unit_id, *(grant.org_unit_id for grant in held)})
    chosen = session().get(OrgUnit, person.org_unit_id) if person.org_unit_id else None
    as_is = {"key": person.key, "name": person.name, "email": person.email, "org_unit": chosen and chosen.public_id}
    return render_template(
        "people/person.html",
        person=person,
        grants=held,
        account=account,
        units=units,
        unit_choices=_unit_choices(session()),
        roles=ROLES,
        change=change or Form(as_is),
        role=role or Form(),
        invitation=invitation,
        may_manage=principal().may_in(Permission.PEOPLE_MANAGE, person.org_unit_id),
    )


def _back(person: Person, done: str) -> Response:
    return redirect(url_for(".show_person", person_id=person.public_id, done=done), HTTPStatus.SEE_OTHER)


def _names(session: Session, ids: set[int | None]) -> dict[int, str]:
    known = [one for one in ids if one is not None]
    return dict(session.execute(select(OrgUnit.id, OrgUnit.name).where(OrgUnit.id.in_(known))).all())


def _unit_choices(session: Session) -> list[tuple[str, str]]:
    statement = visible(select(OrgUnit), principal(), OrgUnit, Permission.PEOPLE_MANAGE).order_by(OrgUnit.name)
    everywhere = principal().may_in(Permission.PEOPLE_MANAGE, None)
    whole = [("", "the whole organisation")] if everywhere else []
    return whole + [(unit.public_id, unit.name) for unit in session.scalars(statement)]


def _unit_id(name: str | None) -> int | None:
    return None if name is None else find_visible(session(), principal(), OrgUnit, name).id


def _end_of(day: date | None) -> datetime | None:
    """Give the first instant after a day where the reader lives."""
    if day is None:
        return None
    try:
        return datetime.combine(day + timedelta(days=1), time(), zone())
    except OverflowError as error:
        raise InvalidInputError("Choose an earlier day.", field="until") from error
