"""Pages that set a connection up: choose a kind, fill in the form its connector describes, change it, remove it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from connectors import registry
from connectors.sdk.child import ProcessLimits
from connectors.sdk.errors import BrokenConnectorError, ConfigError, ConnectorError
from hub.connections import service
from hub.connections.configuration import Config, split
from hub.connections.describing import Description, describe_once
from hub.connections.drawing import Drawing
from hub.connections.entries import Entry, Errors, Group, Sent, Several, Text, Variants
from hub.connections.models import Connection, Managed
from hub.connections.processes import Connectors
from hub.core.access import Permission, find_visible, require_within, visible
from hub.core.errors import ConflictError, InvalidInputError, NotFoundError
from hub.core.instants import to_micros
from hub.core.sealing import Sealer
from hub.people.models import OrgUnit
from hub.web.forms import Form, read_form
from hub.web.inputs import Line, Reference
from hub.web.requests import principal, requires, session, state
from hub.work.service import enqueue

PREFIX = "config."
"""Of the connector's own entries, so that none is taken for one of ours."""
IN_SET_UP = "It is being set up: check it, look at the preview, then let it be read."
LIMITS = ProcessLimits(start_seconds=20.0, silence_seconds=10.0, call_seconds=20.0)
"""Somebody waits for the page."""
ADDRESS = re.compile(r"(^|_)(url|host|address|authority)$")

pages = Blueprint("setting_up", __name__)


class About(BaseModel):
    """What is said of every connection, whatever its kind; the connector's entries come beside it."""

    key: Annotated[str, Field(pattern="^[a-z0-9-]+$", max_length=80)]
    title: Line | None = None
    org_unit: Reference | None = None
    every_minutes: int = Field(default=15, ge=0, le=10_080)


@dataclass
class Filled:
    """A form about one connection."""

    kind: Description
    entries: Group
    sent: Sent = field(default_factory=dict)
    about: Form[About] = field(default_factory=Form)
    errors: Errors = field(default_factory=dict)
    config: Config = field(default_factory=dict)
    fresh: bool = True

    @property
    def is_right(self) -> bool:
        """Whether nothing is left to correct."""
        return not self.errors and self.about.data is not None and not self.about.errors


@pages.get("/connections/new")
@requires(Permission.CONNECTIONS_MANAGE)
def new() -> str:
    """Choose a kind of connector, then fill in its form."""
    kind = request.args.get("kind")
    if kind is None:
        return render_template("connections/kinds.html", kinds=_kinds())
    described = _described(kind)
    return _page(Filled(described, Drawing(described.schema, {}).draw()))


@pages.post("/connections")
@requires(Permission.CONNECTIONS_MANAGE)
def create() -> Response | tuple[str, int]:
    """Add a connection: it is paused until somebody has looked at the preview."""
    described = _described(request.form.get("kind", ""))
    filled = _fill(described, None)
    if "redraw" in request.form:
        return _page(filled), HTTPStatus.OK
    _try_out(filled)
    about = filled.about.data
    if filled.is_right and about is not None:
        try:
            made = _add(session(), filled, about, state().clock())
        except (ConflictError, InvalidInputError) as error:
            filled.about.errors.setdefault("key", []).append(str(error))
        else:
            return _to(made, "added")
    return _page(filled), HTTPStatus.UNPROCESSABLE_ENTITY


@pages.get("/connections/<public_id>/edit")
@requires(Permission.CONNECTIONS_MANAGE)
def edit(public_id: str) -> str:
    """Show a connection's form; its secrets are not in it."""
    found = _managed(session(), public_id)
    plain = service.find_configured(session(), found.id).plain
    try:
        described = describe_once(found.kind)
    except ConnectorError as error:
        return render_template("connections/broken_kind.html", connection=found, error=str(error))
    entries = Drawing(described.schema, {}, plain).draw()
    about: Form[About] = Form(
        {"key": found.key, "title": found.title, "every_minutes": str(found.every_seconds // 60)},
    )
    return _page(Filled(described, entries, dict(entries.show(plain)), about), found)


@pages.post("/connections/<public_id>/edit")
@requires(Permission.CONNECTIONS_MANAGE)
def change(public_id: str) -> Response | tuple[str, int]:
    """Make a new version of a connection's configuration; secrets left empty stay."""
    with state().database.read() as reading:  # the connector is asked before the transaction that writes
        found = _managed(reading, public_id)
        if found.managed == Managed.FILE:
            raise service.ManagedByFileError(f"{found.key} is managed by a file: change the file.")
        stored = service.find_configured(reading, found.id).open(Sealer.from_settings(state().settings))
    filled = _fill(_described(found.kind), stored)
    if "redraw" in request.form:
        return _page(filled, found), HTTPStatus.OK
    _try_out(filled)
    about = filled.about.data
    if not filled.is_right or about is None:
        return _page(filled, found), HTTPStatus.UNPROCESSABLE_ENTITY
    changed = _change(session(), public_id, filled, about, state().clock())
    return _to(_managed(session(), public_id), "changed" if changed else "same")


@pages.post("/connections/<public_id>/remove")
@requires(Permission.CONNECTIONS_MANAGE)
def remove(public_id: str) -> Response:
    """Remove a connection: its secrets go at once, what was read stays."""
    found = _managed(session(), public_id)
    if found.managed == Managed.FILE:
        raise service.ManagedByFileError(f"{found.key} is managed by a file: take it out of the file.")
    service.remove_connection(session(), found, by=principal(), now=state().clock())
    return redirect(url_for("connections.index", done="removed"), HTTPStatus.SEE_OTHER)


def _fill(described: Description, stored: Config | None) -> Filled:
    about = read_form(About)
    sent = {name.removeprefix(PREFIX): text for name, text in request.form.items() if name.startswith(PREFIX)}
    entries, errors = Drawing(described.schema, sent, stored).draw(), Errors()
    config = entries.read(sent, stored, errors)
    if stored is not None and dict(_addresses(config, ())) != dict(_addresses(stored, ())):
        entries, errors = Drawing(described.schema, sent, stored, keep=False).draw(), Errors()
        config = entries.read(sent, stored, errors)
    if not state().settings.file_roots and not principal().may_in(Permission.CONNECTIONS_MANAGE, None):
        for entry in _all(entries):
            if isinstance(entry, Text) and entry.is_path and sent.get(entry.name):
                errors.setdefault(entry.name, []).append(
                    "Only an admin of the whole organisation may name files of the server, as long as "
                    "PLUMBLINE_FILE_ROOTS does not say which folders may be read."
                )
    return Filled(described, entries, sent, about, errors, config, fresh=False)


def _try_out(filled: Filled) -> None:
    """Have the connector itself look at a configuration that looks right; what it says stands beside the entry."""
    if filled.errors:
        return
    try:
        with Connectors(state().settings, limits=LIMITS).start(filled.kind.kind, filled.config) as tool:
            tool.capabilities()
    except ConfigError as error:
        names = [entry.name for entry in _all(filled.entries) if entry.name]
        for name, text in told_of(str(error), names):
            filled.errors.setdefault(name, []).append(text)
    except ConnectorError as error:
        filled.errors.setdefault("", []).append(str(error))


def told_of(text: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """Take a connector's complaint apart: which entry, and what about it; no name = the whole."""
    text = text.removeprefix("The configuration is not right. ")
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pieces = re.split(rf"(?:^|; )({known}|\(whole\))(?:\.[\w.-]+)?: ", text) if known else [text]
    if pieces[0]:
        yield "", pieces[0]
    for name, said in zip(pieces[1::2], pieces[2::2], strict=True):
        yield "" if name == "(whole)" else name, said.removeprefix("Value error, ")


def _add(session: Session, filled: Filled, about: About, now: datetime) -> Connection:
    units = _units(session)
    unit = next((unit for unit in units if unit.key == about.org_unit), units[0] if units else None)
    if unit is None:
        raise InvalidInputError("You may manage connections in no org unit.")
    draft, sealer = _draft(filled, about, unit.id), Sealer.from_settings(state().settings)
    made = service.add_connection(session, draft, sealer=sealer, by=principal(), now=now)
    made.every_seconds = about.every_minutes * 60
    service.pause_connection(session, made, reason=IN_SET_UP, by=principal(), now=now)
    enqueue(session, "connections.check", {"connection_id": made.id})
    return made


def _change(session: Session, public_id: str, filled: Filled, about: About, now: datetime) -> bool:
    found = _managed(session, public_id)
    draft = _draft(filled, about.model_copy(update={"key": found.key}), found.org_unit_id)
    sealer, every = Sealer.from_settings(state().settings), about.every_minutes * 60
    saved = service.save_connection(session, draft, sealer=sealer, every_seconds=every, by=principal(), now=now)
    if saved.changed:
        enqueue(session, "connections.check", {"connection_id": found.id})
    return saved.changed


def _draft(filled: Filled, about: About, org_unit_id: int) -> service.Draft:
    plain, secrets = split(filled.config, filled.kind.schema)
    return service.Draft(about.key, filled.kind.kind, about.title or about.key, plain, secrets, org_unit_id)


def _addresses(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ANN401  # JSON
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        if isinstance(child, str) and ADDRESS.search(str(name)):
            yield (*place, str(name)), child.rstrip("/")
        yield from _addresses(child, (*place, str(name)))


def _all(entry: Entry) -> Iterator[Entry]:
    yield entry
    if isinstance(entry, Group):
        for _, part in entry.parts:
            yield from _all(part)
    elif isinstance(entry, Several):
        for item in entry.items:
            yield from _all(item)
    elif isinstance(entry, Variants):
        for group in entry.groups.values():
            yield from _all(group)


def _described(kind: str) -> Description:
    try:
        return describe_once(kind)
    except (ConfigError, BrokenConnectorError) as error:
        raise NotFoundError(str(error)) from None


def _kinds() -> list[tuple[str, Description | None, str]]:
    """List the installed kinds; one that does not start says why."""
    found: list[tuple[str, Description | None, str]] = []
    for entry in registry.kinds():
        try:
            found.append((entry.kind, describe_once(entry.kind), ""))
        except ConnectorError as error:
            found.append((entry.kind, None, str(error)))
    return found


def _units(session: Session) -> list[OrgUnit]:
    """List the org units that the reader may plug tools into, the widest first."""
    statement = select(OrgUnit).order_by(OrgUnit.parent_id.is_not(None), OrgUnit.name)
    seen = session.scalars(visible(statement, principal(), OrgUnit))
    return [unit for unit in seen if principal().may_in(Permission.CONNECTIONS_MANAGE, unit.id)]


def _managed(session: Session, public_id: str) -> Connection:
    found = find_visible(session, principal(), Connection, public_id)
    require_within(principal(), Permission.CONNECTIONS_MANAGE, found.org_unit_id)
    if found.removed_at is not None:
        raise NotFoundError("This connection has been removed.")
    return found


def _page(filled: Filled, connection: Connection | None = None) -> str:
    return render_template(
        "connections/form.html",
        filled=filled,
        connection=connection,
        prefix=PREFIX,
        units=[] if connection else [(unit.key, unit.name) for unit in _units(session())],
        read_only=connection is not None and connection.managed == Managed.FILE,
    )


def _to(found: Connection, done: str) -> Response:
    since = to_micros(state().clock())
    address = url_for("connections.connection", public_id=found.public_id, done=done, since=since)
    return redirect(address, HTTPStatus.SEE_OTHER)
