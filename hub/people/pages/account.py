"""Signing in and out, setting up an empty deployment, accepting an invitation.

Each hashes a password outside any transaction, and counts a try before it looks at it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import Field
from werkzeug.wrappers import Response

from hub.core.errors import ForbiddenError, InvalidInputError, NotFoundError, TooManyRequestsError
from hub.people.models import Person
from hub.people.passwords import LONGEST, check_rules, hash_password, matches
from hub.people.service import (
    Founder,
    accept_invitation,
    close_session,
    find_account,
    find_invited,
    forgive_attempt,
    has_accounts,
    note_attempt,
    open_session,
    refuse_sign_in,
    set_up,
)
from hub.web.cookies import new_session_id, read_session_id, use_session_id
from hub.web.formats import zone_names
from hub.web.forms import WHOLE, Form, read_form
from hub.web.inputs import Email, Input, Line, Zone
from hub.web.problems import SIGN_IN_PATH
from hub.web.requests import SIGNED_IN, principal_or_none, public, requires, session, state
from hub.web.translations import gettext

pages = Blueprint("account", __name__)
Password = Annotated[str, Field(max_length=LONGEST)]
Token = Annotated[str, Field(max_length=200)]


class SignIn(Input):
    """Who signs in."""

    email: Annotated[str, Field(max_length=254)]
    password: Password
    next: Annotated[str, Field(max_length=2000)] = "/"


class SetUp(Input):
    """The first person of an empty deployment."""

    token: Token
    organisation: Line
    name: Line
    email: Email
    password: Password
    time_zone: Zone


class Join(Input):
    """The first password of somebody who was invited."""

    token: Token
    password: Password


@pages.get(SIGN_IN_PATH)
@public("nobody is signed in yet")
def sign_in() -> str | Response:
    """Show the form to sign in with."""
    if principal_or_none() is not None:
        return redirect(_local(request.args.get("next", "/")), HTTPStatus.SEE_OTHER)
    with state().database.read() as reading:
        waiting = not has_accounts(reading)
    form: Form[SignIn] = Form({"next": request.args.get("next", "/")})
    return render_template("people/sign_in.html", form=form, waiting=waiting)


@pages.post(SIGN_IN_PATH)
@public("nobody is signed in yet", form=True)
def try_sign_in() -> Response | tuple[str, int]:
    """Sign somebody in."""
    form = read_form(SignIn)
    if form.data is None:
        return render_template("people/sign_in.html", form=form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        person = _look_at_password(form.data)
    except TooManyRequestsError as error:
        form.errors[WHOLE] = [str(error)]
        page = render_template("people/sign_in.html", form=form)
        return Response(
            page,
            HTTPStatus.TOO_MANY_REQUESTS,
            {"Retry-After": str(error.extra["retry_after"])},
            content_type="text/html",
        )
    if person is None:
        form.errors[WHOLE] = [gettext("This address and password do not belong together.")]
        return render_template("people/sign_in.html", form=form), HTTPStatus.UNAUTHORIZED
    return _enter(person, form.data.next)


@pages.post("/sign-out")
@requires(SIGNED_IN)
def sign_out() -> Response:
    """End the sign-in of this browser, on the server too."""
    session_id = read_session_id()
    if session_id is not None:
        close_session(session(), session_id, now=state().clock())
    use_session_id(None)
    return redirect(SIGN_IN_PATH, HTTPStatus.SEE_OTHER)


@pages.get("/setup")
@public("nobody can sign in before the set-up; the console's one-time token lets in")
def show_set_up() -> str:
    """Show the form for the first person."""
    with state().database.read() as reading:
        _refuse_second_set_up(has=has_accounts(reading))
    values = {"token": request.args.get("token", ""), "time_zone": state().settings.time_zone}
    return render_template("people/set_up.html", form=Form(values), zones=zone_names())


@pages.post("/setup")
@public("nobody can sign in before the set-up; the console's one-time token lets in", form=True)
def try_set_up() -> Response | tuple[str, int]:
    """Make the organisation and its first admin."""
    with state().database.read() as reading:
        _refuse_second_set_up(has=has_accounts(reading))
    form = read_form(SetUp)
    if form.data is not None:
        given, now = form.data, state().clock()
        try:
            check_rules(given.password, about=(given.name, given.email, given.organisation))
            password_hash = hash_password(given.password)
            founder = Founder(given.organisation, given.name, given.email, given.time_zone)
            return _enter(set_up(session(), given.token, founder, password_hash, now=now), "/")
        except ForbiddenError as error:
            form.errors[WHOLE] = [str(error)]
        except InvalidInputError as error:
            form.refuse(error)
    return render_template("people/set_up.html", form=form, zones=zone_names()), HTTPStatus.UNPROCESSABLE_ENTITY


@pages.get("/join")
@public("an invited person has no password yet; the invitation's one-time token lets in")
def show_join() -> str:
    """Show the form to choose a password with."""
    person = _invited(request.args.get("token", ""))
    return render_template("people/join.html", form=Form({"token": request.args["token"]}), person=person)


@pages.post("/join")
@public("an invited person has no password yet; the invitation's one-time token lets in", form=True)
def try_join() -> Response | tuple[str, int]:
    """Give an invited person the password they chose, and sign them in."""
    form = read_form(Join)
    person = _invited(str(form.values.get("token", "")))
    if form.data is not None:
        try:
            check_rules(form.data.password, about=(person.name, person.email or ""))
            password_hash = hash_password(form.data.password)
            return _enter(accept_invitation(session(), form.data.token, password_hash, now=state().clock()), "/")
        except InvalidInputError as error:
            form.refuse(error)
    return render_template("people/join.html", form=form, person=person), HTTPStatus.UNPROCESSABLE_ENTITY


def _look_at_password(given: SignIn) -> Person | None:
    database, now, address = state().database, state().clock(), request.remote_addr or ""
    with database.write() as counting:
        note_attempt(counting, email=given.email, address=address, now=now)
    with database.read() as reading:
        found = find_account(reading, given.email)
    person, password_hash = found or (None, None)
    if matches(given.password, password_hash):
        with database.write() as forgiving:
            forgive_attempt(forgiving, address=address)
        return person
    with database.write() as refusing:
        refuse_sign_in(refusing, person)
    return None


def _enter(person: Person, address: str) -> Response:
    """Sign this browser in under a new id: one that somebody planted before is worth nothing."""
    session_id, now = new_session_id(), state().clock()
    old = read_session_id()
    if old is not None:
        close_session(session(), old, now=now)
    open_session(session(), person, session_id, now=now)
    use_session_id(session_id)
    return redirect(_local(address), HTTPStatus.SEE_OTHER)


def _local(address: str) -> str:
    """Give an address of ours, never of another site."""
    parts = urlsplit(address.replace("\\", "/"))
    ours = address.startswith("/") and not address.startswith("//") and not parts.scheme and not parts.netloc
    return address if ours and address.isprintable() and "\\" not in address else url_for("web.overview")


def _invited(token: str) -> Person:
    with state().database.read() as reading:
        person = find_invited(reading, token, now=state().clock())
    if person is None:
        raise NotFoundError("This invitation has been used or is too old: ask an admin for a new one.")
    return person


def _refuse_second_set_up(*, has: bool) -> None:
    if has:
        raise NotFoundError("Plumbline is set up already: sign in.")
