"""The quarantine desk: what could not be used, why, and what people decide about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request, url_for
from pydantic import BaseModel, Field
from sqlalchemy import Select, select
from werkzeug.wrappers import Response as Reply

from hub.connections.models import Connection
from hub.core.access import Permission
from hub.core.errors import InvalidInputError
from hub.core.paging import PageQuery, read_page
from hub.syncing import service
from hub.syncing.asking import managed, seen
from hub.syncing.models import Quarantined, QuarantineState
from hub.web.forms import read_form
from hub.web.requests import principal, requires, session, state

COLUMNS = ("stream", "kind", "state", "place", "field", "reason", "remedy", "found_at", "seen_at", "closed_at", "note")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets run a cell that begins so."""
ALL = "all"

pages = Blueprint("desk", __name__)


class Rejection(BaseModel):
    """Why rows never count, and which."""

    note: str = Field(min_length=1, max_length=500)
    item: list[str] = Field(default_factory=list, max_length=200)


@pages.get("/connections/<public_id>/quarantine")
@requires(Permission.CONNECTIONS_READ)
def desk(public_id: str) -> str | Response:
    """List what is or was in quarantine, by state, stream and words; `?format=csv` gives all of it as a file."""
    connection = seen(public_id)
    if request.args.get("format") == "csv":
        return _download(connection)
    page = read_page(
        session(),
        _chosen(connection),
        by=(Quarantined.id,),
        query=PageQuery(cursor=request.args.get("cursor")),
        newest_first=True,
    )
    streams = select(Quarantined.stream).where(Quarantined.connection_id == connection.id).distinct()
    return render_template(
        "syncing/quarantine.html",
        connection=connection,
        page=page,
        wanted=_wanted(),
        states=list(QuarantineState),
        streams=sorted(session().scalars(streams)),
        waiting=service.count_waiting(session(), connection.id),
        may_manage=principal().may_in(Permission.CONNECTIONS_MANAGE, connection.org_unit_id),
    )


@pages.post("/connections/<public_id>/quarantine/retry")
@requires(Permission.CONNECTIONS_MANAGE)
def retry_all(public_id: str) -> Reply:
    """Have everything that waits read again."""
    connection = managed(public_id)
    service.retry_all_quarantined(session(), connection, by=principal(), now=state().clock())
    return _back(connection, "asked")


@pages.post("/connections/<public_id>/quarantine/reject")
@requires(Permission.CONNECTIONS_MANAGE)
def reject_chosen(public_id: str) -> Reply:
    """Decide that the chosen rows never count."""
    connection = managed(public_id)
    rejection = _rejection()
    if not rejection.item:
        raise InvalidInputError("Choose the rows that never count.")
    for item_id in rejection.item:
        item = service.find_quarantined(session(), connection.id, item_id)
        service.reject_quarantined(session(), item, note=rejection.note, by=principal(), now=state().clock())
    return _back(connection, "rejected")


@pages.post("/connections/<public_id>/quarantine/<item_id>/retry")
@requires(Permission.CONNECTIONS_MANAGE)
def retry(public_id: str, item_id: str) -> Reply:
    """Have a row in quarantine read again, after it was repaired."""
    connection = managed(public_id)
    item = service.find_quarantined(session(), connection.id, item_id)
    service.retry_quarantined(session(), item, by=principal(), now=state().clock())
    return _back(connection, "asked")


@pages.post("/connections/<public_id>/quarantine/<item_id>/reject")
@requires(Permission.CONNECTIONS_MANAGE)
def reject(public_id: str, item_id: str) -> Reply:
    """Decide that a row in quarantine never counts."""
    connection = managed(public_id)
    item = service.find_quarantined(session(), connection.id, item_id)
    service.reject_quarantined(session(), item, note=_rejection().note, by=principal(), now=state().clock())
    return _back(connection, "rejected")


def _download(connection: Connection) -> Response:
    """Give the chosen rows as CSV, without what they said: that stays with who may see it."""
    rows = session().scalars(_chosen(connection).order_by(Quarantined.id.desc()))
    text = "".join(_written([COLUMNS, *(tuple(getattr(row, name) for name in COLUMNS) for row in rows)]))
    named = f'attachment; filename="quarantine-{connection.key}.csv"'
    return Response(text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": named})


def _rejection() -> Rejection:
    form = read_form(Rejection)
    if form.data is None:
        raise InvalidInputError("Say why this never counts: the audit trail keeps the reason.")
    return form.data


def _wanted() -> dict[str, str]:
    return {
        "state": request.args.get("state", QuarantineState.WAITING.value),
        "stream": request.args.get("stream", "")[:120],
        "search": request.args.get("search", "")[:200],
    }


def _chosen(connection: Connection) -> Select[Quarantined]:
    wanted = _wanted()
    if wanted["state"] not in {ALL, *QuarantineState}:
        raise InvalidInputError(f"state: {wanted['state']!r} is none of {', '.join(QuarantineState)}, all.")
    statement = select(Quarantined).where(Quarantined.connection_id == connection.id)
    if wanted["state"] != ALL:
        statement = statement.where(Quarantined.state == wanted["state"])
    if wanted["stream"]:
        statement = statement.where(Quarantined.stream == wanted["stream"])
    if wanted["search"]:
        words = wanted["search"]
        found = Quarantined.place.icontains(words, autoescape=True)
        statement = statement.where(found | Quarantined.reason.icontains(words, autoescape=True))
    return statement


def _written(rows: list[tuple[object, ...]]) -> Iterator[str]:
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _back(connection: Connection, done: str) -> Reply:
    return redirect(url_for("syncing.desk.desk", public_id=connection.public_id, done=done), HTTPStatus.SEE_OTHER)
