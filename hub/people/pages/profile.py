"""One's own profile: name, time zone, password, API tokens."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import Field
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.core.access import Permission
from hub.core.errors import InvalidInputError
from hub.people.models import ApiToken, Person
from hub.people.passwords import LONGEST, check_rules, hash_password, matches
from hub.people.service import (
    change_person,
    find_account,
    find_own_token,
    forgive_attempt,
    make_token,
    note_attempt,
    open_session,
    revoke_token,
    set_password,
)
from hub.web.cookies import new_session_id, use_session_id
from hub.web.formats import zone_names
from hub.web.forms import Form, read_form
from hub.web.inputs import Input, Line, Zone
from hub.web.requests import SIGNED_IN, principal, requires, session, state
from hub.web.translations import gettext

pages = Blueprint("profile", __name__)
LIVES = (("30", gettext("30 days")), ("90", gettext("90 days")), ("365", gettext("a year")))
Password = Annotated[str, Field(max_length=LONGEST)]


class Me(Input):
    """What one may change about oneself."""

    name: Line
    time_zone: Zone


class NewPassword(Input):
    """A change of password; the present one shows that it is not somebody at a forgotten screen."""

    current: Password
    password: Password


class NewToken(Input):
    """A new API token."""

    label: Line
    scopes: list[Permission]
    days: Annotated[int, Field(ge=1, le=365)]


@pages.get("/profile")
@requires(SIGNED_IN)
def show() -> str:
    """Show one's own profile."""
    return _page()


@pages.post("/profile")
@requires(SIGNED_IN)
def change() -> Response | tuple[str, int]:
    """Change one's name or time zone."""
    form = read_form(Me)
    if form.data is None:
        return _page(me=form), HTTPStatus.UNPROCESSABLE_ENTITY
    person = session().get_one(Person, principal().person_id)
    change_person(session(), person, form.data.model_dump(), by=principal(), now=state().clock())
    return redirect(url_for(".show", done="saved"), HTTPStatus.SEE_OTHER)


@pages.post("/profile/password")
@requires(SIGNED_IN)
def change_password() -> Response | tuple[str, int]:
    """Change one's password; every other browser is signed out."""
    form = read_form(NewPassword)
    if form.data is None:
        return _page(password=form), HTTPStatus.UNPROCESSABLE_ENTITY
    me, now = principal(), state().clock()
    with state().database.read() as reading:
        person = reading.get_one(Person, me.person_id)
        account = find_account(reading, person.email or "")
    address = request.remote_addr or ""
    with state().database.write() as counting:
        note_attempt(counting, email=person.email or "", address=address, now=now)
    if not matches(form.data.current, account and account[1]):
        form.errors["current"] = [gettext("This is not your present password.")]
        return _page(password=form), HTTPStatus.UNPROCESSABLE_ENTITY
    with state().database.write() as forgiving:
        forgive_attempt(forgiving, address=address)
    try:
        check_rules(form.data.password, about=(person.name, person.email or ""))
    except InvalidInputError as error:
        form.refuse(error)
        return _page(password=form), HTTPStatus.UNPROCESSABLE_ENTITY
    password_hash, session_id = hash_password(form.data.password), new_session_id()
    set_password(session(), person, password_hash, by=me, now=now)
    open_session(session(), person, session_id, now=now)
    use_session_id(session_id)
    return redirect(url_for(".show", done="password"), HTTPStatus.SEE_OTHER)


@pages.post("/profile/tokens")
@requires(SIGNED_IN)
def add_token() -> tuple[str, int]:
    """Make an API token and show it, this once."""
    form = read_form(NewToken)
    if form.data is None:
        return _page(token=form), HTTPStatus.UNPROCESSABLE_ENTITY
    now = state().clock()
    try:
        _row, secret = make_token(
            session(),
            name=form.data.label,
            scopes=form.data.scopes,
            expires_at=now + timedelta(days=form.data.days),
            by=principal(),
            now=now,
        )
    except InvalidInputError as error:
        form.refuse(error)
        return _page(token=form), HTTPStatus.UNPROCESSABLE_ENTITY
    return _page(secret=secret), HTTPStatus.CREATED


@pages.post("/profile/tokens/<token_id>/revoke")
@requires(SIGNED_IN)
def end_token(token_id: str) -> Response:
    """End one of one's own API tokens."""
    revoke_token(session(), find_own_token(session(), token_id, by=principal()), by=principal(), now=state().clock())
    return redirect(url_for(".show", done="revoked"), HTTPStatus.SEE_OTHER)


def _page(
    *,
    me: Form[Me] | None = None,
    password: Form[NewPassword] | None = None,
    token: Form[NewToken] | None = None,
    secret: str | None = None,
) -> str:
    asking, now = principal(), state().clock()
    person = session().get_one(Person, asking.person_id)
    tokens = session().scalars(
        select(ApiToken)
        .where(ApiToken.person_id == asking.person_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
        .order_by(ApiToken.public_id.desc())
    )
    return render_template(
        "people/profile.html",
        me=me or Form({"name": person.name, "time_zone": asking.zone}),
        password=password or Form(),
        token=token or Form(),
        secret=secret,
        person=person,
        tokens=tokens.all(),
        zones=zone_names(),
        permissions=sorted(asking.permissions),
        lives=LIVES,
    )
