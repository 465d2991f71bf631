"""People in the API: org units, persons, roles, API tokens."""

from __future__ import annotations

from http import HTTPStatus

from apiflask import APIBlueprint
from sqlalchemy import select

from hub.core.access import Permission, Role, find_visible, require_within, visible
from hub.core.paging import PageQuery, read_page
from hub.people.models import ApiToken, Grant, OrgUnit, Person
from hub.people.replies import (
    GrantOut,
    GrantPage,
    OrgUnitOut,
    OrgUnitPage,
    PersonOut,
    PersonPage,
    TokenMade,
    TokenPage,
    WhoOut,
    see_grants,
    see_org_units,
    see_persons,
    see_token,
)
from hub.people.service import (
    add_org_unit,
    add_person,
    change_org_unit,
    change_person,
    end_grant,
    find_own_token,
    give_role,
    make_token,
    revoke_token,
)
from hub.web.etags import require_match, tagged
from hub.web.idempotency import reply_later_with
from hub.web.inputs import LEFT_OUT, Email, Input, Instant, Key, Line, Reference, Zone
from hub.web.requests import SIGNED_IN, principal, requires, session, state

api = APIBlueprint("people_api", __name__, tag="People")
Tagged = tuple[object, int, dict[str, str]]


class OrgUnitIn(Input):
    """A new org unit."""

    key: Key
    name: Line
    function: Line | None = None
    parent: Reference | None = None


class OrgUnitChange(Input):
    """What changes; what is left out stays."""

    key: Key = LEFT_OUT
    name: Line = LEFT_OUT
    function: Line | None = None
    parent: Reference | None = None


class PersonIn(Input):
    """A new person."""

    key: Key
    name: Line
    email: Email | None = None
    org_unit: Reference | None = None
    time_zone: Zone | None = None


class PersonChange(Input):
    """What changes; what is left out stays."""

    key: Key = LEFT_OUT
    name: Line = LEFT_OUT
    email: Email | None = None
    org_unit: Reference | None = None
    time_zone: Zone | None = None
    active: bool = LEFT_OUT


class GrantIn(Input):
    """A role for a person in an org unit and everything below it; without one, in the whole organisation."""

    person: Reference
    role: Role
    org_unit: Reference | None = None
    until: Instant | None = None


class TokenIn(Input):
    """A new API token of whoever asks."""

    name: Line
    scopes: frozenset[Permission]
    expires_at: Instant


class OrgUnitQuery(PageQuery):
    """Query of the list of org units."""

    parent: Reference | None = None


class PersonQuery(PageQuery):
    """Query of the list of persons."""

    search: Line | None = None
    active: bool | None = None


class GrantQuery(PageQuery):
    """Query of the list of roles."""

    person: Reference | None = None


@api.get("/me")
@requires(SIGNED_IN)
@api.output(WhoOut)
def who_am_i() -> WhoOut:
    """Tell who is asking, and what they may do somewhere."""
    asking = principal()
    return WhoOut(
        id=asking.public_id, name=asking.name, roles=sorted(asking.roles), permissions=sorted(asking.permissions)
    )


@api.get("/org-units")
@requires(Permission.PEOPLE_READ)
@api.input(OrgUnitQuery, location="query")
@api.output(OrgUnitPage)
def list_org_units(query_data: OrgUnitQuery) -> OrgUnitPage:
    """List org units."""
    statement = visible(select(OrgUnit), principal(), OrgUnit)
    if query_data.parent is not None:
        parent = find_visible(session(), principal(), OrgUnit, query_data.parent)
        statement = statement.where(OrgUnit.parent_id == parent.id)
    page = read_page(session(), statement, by=[OrgUnit.public_id], query=query_data)
    return OrgUnitPage(items=see_org_units(session(), page.items), next_cursor=page.next_cursor)


@api.post("/org-units")
@requires(Permission.PEOPLE_MANAGE)
@api.input(OrgUnitIn)
@api.output(OrgUnitOut, status_code=201)
def make_org_unit(json_data: OrgUnitIn) -> Tagged:
    """Add an org unit; at the top only with the permission for the whole organisation."""
    parent_id = _unit_id(json_data.parent)
    require_within(principal(), Permission.PEOPLE_MANAGE, parent_id)
    given = json_data.model_dump(exclude={"parent"})
    unit = add_org_unit(session(), **given, parent_id=parent_id, by=principal())
    return _created(see_org_units(session(), [unit])[0], "org-units")


@api.get("/org-units/<org_unit_id>")
@requires(Permission.PEOPLE_READ)
@api.output(OrgUnitOut)
def get_org_unit(org_unit_id: str) -> Tagged:
    """Read one org unit."""
    unit = find_visible(session(), principal(), OrgUnit, org_unit_id)
    return tagged(see_org_units(session(), [unit])[0])


@api.patch("/org-units/<org_unit_id>")
@requires(Permission.PEOPLE_MANAGE)
@api.input(OrgUnitChange)
@api.output(OrgUnitOut)
def update_org_unit(org_unit_id: str, json_data: OrgUnitChange) -> Tagged:
    """Change one org unit."""
    unit = find_visible(session(), principal(), OrgUnit, org_unit_id)
    require_match(see_org_units(session(), [unit])[0])
    changes = json_data.model_dump(exclude_unset=True)
    if "parent" in changes:
        changes["parent_id"] = _unit_id(changes.pop("parent"))
        require_within(principal(), Permission.PEOPLE_MANAGE, changes["parent_id"])
        require_within(principal(), Permission.PEOPLE_MANAGE, unit.parent_id)
    change_org_unit(session(), unit, changes, by=principal())
    return tagged(see_org_units(session(), [unit])[0])


@api.get("/persons")
@requires(Permission.PEOPLE_READ)
@api.input(PersonQuery, location="query")
@api.output(PersonPage)
def list_persons(query_data: PersonQuery) -> PersonPage:
    """List persons."""
    statement = visible(select(Person), principal(), Person)
    if query_data.search is not None:
        statement = statement.where(Person.name.icontains(query_data.search, autoescape=True))
    if query_data.active is not None:
        statement = statement.where(Person.active.is_(query_data.active))
    page = read_page(session(), statement, by=[Person.public_id], query=query_data)
    return PersonPage(items=see_persons(session(), page.items), next_cursor=page.next_cursor)


@api.post("/persons")
@requires(Permission.PEOPLE_MANAGE)
@api.input(PersonIn)
@api.output(PersonOut, status_code=201)
def make_person(json_data: PersonIn) -> Tagged:
    """Add a person."""
    org_unit_id = _unit_id(json_data.org_unit)
    require_within(principal(), Permission.PEOPLE_MANAGE, org_unit_id)
    given = json_data.model_dump(exclude={"org_unit"})
    person = add_person(session(), **given, org_unit_id=org_unit_id, by=principal())
    return _created(see_persons(session(), [person])[0], "persons")


@api.get("/persons/<person_id>")
@requires(Permission.PEOPLE_READ)
@api.output(PersonOut)
def get_person(person_id: str) -> Tagged:
    """Read one person."""
    person = find_visible(session(), principal(), Person, person_id)
    return tagged(see_persons(session(), [person])[0])


@api.patch("/persons/<person_id>")
@requires(Permission.PEOPLE_MANAGE)
@api.input(PersonChange)
@api.output(PersonOut)
def update_person(person_id: str, json_data: PersonChange) -> Tagged:
    """Change one person; `active: false` says that they have left."""
    person = find_visible(session(), principal(), Person, person_id)
    require_match(see_persons(session(), [person])[0])
    changes = json_data.model_dump(exclude_unset=True)
    if "org_unit" in changes:
        changes["org_unit_id"] = _unit_id(changes.pop("org_unit"))
        require_within(principal(), Permission.PEOPLE_MANAGE, changes["org_unit_id"])
    change_person(session(), person, changes, by=principal(), now=state().clock())
    return tagged(see_persons(session(), [person])[0])


@api.get("/grants")
@requires(Permission.PEOPLE_READ)
@api.input(GrantQuery, location="query")
@api.output(GrantPage)
def list_grants(query_data: GrantQuery) -> GrantPage:
    """List roles that persons have or had."""
    statement = visible(select(Grant), principal(), Grant)
    if query_data.person is not None:
        person = find_visible(session(), principal(), Person, query_data.person)
        statement = statement.where(Grant.person_id == person.id)
    page = read_page(session(), statement, by=[Grant.public_id], query=query_data)
    return GrantPage(items=see_grants(session(), page.items), next_cursor=page.next_cursor)


@api.post("/grants")
@requires(Permission.PEOPLE_MANAGE)
@api.input(GrantIn)
@api.output(GrantOut, status_code=201)
def make_grant(json_data: GrantIn) -> Tagged:
    """Give a person a role."""
    person = find_visible(session(), principal(), Person, json_data.person)
    grant = give_role(
        session(),
        person=person,
        role=json_data.role,
        org_unit_id=_unit_id(json_data.org_unit),
        until=json_data.until,
        by=principal(),
        now=state().clock(),
    )
    return _created(see_grants(session(), [grant])[0], "grants")


@api.delete("/grants/<grant_id>")
@requires(Permission.PEOPLE_MANAGE)
@api.output({}, status_code=204)
def take_grant_back(grant_id: str) -> str:
    """Take a role back."""
    end_grant(session(), find_visible(session(), principal(), Grant, grant_id), by=principal(), now=state().clock())
    return ""


@api.get("/tokens")
@requires(SIGNED_IN)
@api.input(PageQuery, location="query")
@api.output(TokenPage)
def list_tokens(query_data: PageQuery) -> TokenPage:
    """List one's own API tokens."""
    statement = select(ApiToken).where(ApiToken.person_id == principal().person_id)
    page = read_page(session(), statement, by=[ApiToken.public_id], query=query_data)
    return TokenPage(items=[see_token(token) for token in page.items], next_cursor=page.next_cursor)


@api.post("/tokens")
@requires(SIGNED_IN)
@api.input(TokenIn)
@api.output(TokenMade, status_code=201)
def make_own_token(json_data: TokenIn) -> TokenMade:
    """Make an API token for oneself; a signed-in person can, a token cannot. The token is shown once."""
    row, secret = make_token(session(), **dict(json_data), by=principal(), now=state().clock())
    told = see_token(row).model_dump()
    reply_later_with(TokenMade(**told, token=None))
    return TokenMade(**told, token=secret)


@api.delete("/tokens/<token_id>")
@requires(SIGNED_IN)
@api.output({}, status_code=204)
def revoke_own_token(token_id: str) -> str:
    """End one of one's own API tokens."""
    revoke_token(session(), find_own_token(session(), token_id, by=principal()), by=principal(), now=state().clock())
    return ""


def _unit_id(name: str | None) -> int | None:
    return None if name is None else find_visible(session(), principal(), OrgUnit, name).id


def _created(thing: OrgUnitOut | PersonOut | GrantOut, kind: str) -> Tagged:
    return tagged(thing, HTTPStatus.CREATED, location=f"/api/v1/{kind}/{thing.id}")
