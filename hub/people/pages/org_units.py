"""Org units: the tree, and changing it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.core.access import Permission, find_visible, require_within, visible
from hub.core.errors import ConflictError, InvalidInputError
from hub.people.models import OrgUnit
from hub.people.service import add_org_unit, change_org_unit
from hub.web.forms import Form, read_form
from hub.web.inputs import Input, Key, Line, Reference
from hub.web.requests import principal, requires, session
from hub.web.translations import gettext

pages = Blueprint("org_units", __name__)


class OrgUnitForm(Input):
    """An org unit, as the form has one."""

    key: Key
    name: Line
    function: Line | None = None
    parent: Reference | None = None


@pages.get("/org-units")
@requires(Permission.PEOPLE_READ)
def list_org_units() -> str:
    """Show the tree of org units, as far as the reader may see it."""
    units = session().scalars(visible(select(OrgUnit), principal(), OrgUnit).order_by(OrgUnit.name)).all()
    return render_template("people/org_units.html", tree=_in_tree_order(units))


@pages.get("/org-units/new")
@requires(Permission.PEOPLE_MANAGE)
def new_org_unit() -> str:
    """Show the form for a new org unit."""
    return _form_page(None, Form())


@pages.post("/org-units")
@requires(Permission.PEOPLE_MANAGE)
def create_org_unit() -> Response | tuple[str, int]:
    """Add an org unit."""
    form = read_form(OrgUnitForm)
    if form.data is not None:
        parent_id = _parent_id(form.data)
        require_within(principal(), Permission.PEOPLE_MANAGE, parent_id)
        try:
            add_org_unit(session(), **form.data.model_dump(exclude={"parent"}), parent_id=parent_id, by=principal())
        except ConflictError as error:
            form.refuse(error)
        else:
            return redirect(url_for(".list_org_units", done="added"), HTTPStatus.SEE_OTHER)
    return _form_page(None, form), HTTPStatus.UNPROCESSABLE_ENTITY


@pages.get("/org-units/<org_unit_id>")
@requires(Permission.PEOPLE_MANAGE)
def edit_org_unit(org_unit_id: str) -> str:
    """Show the form of an org unit."""
    unit = find_visible(session(), principal(), OrgUnit, org_unit_id)
    values = {"key": unit.key, "name": unit.name, "function": unit.function, "parent": _public_id(unit.parent_id)}
    return _form_page(unit, Form(values))


@pages.post("/org-units/<org_unit_id>")
@requires(Permission.PEOPLE_MANAGE)
def update_org_unit(org_unit_id: str) -> Response | tuple[str, int]:
    """Change an org unit."""
    unit = find_visible(session(), principal(), OrgUnit, org_unit_id)
    form = read_form(OrgUnitForm)
    if form.data is not None:
        changes = form.data.model_dump(exclude={"parent"})
        if form.data.parent != _public_id(unit.parent_id):
            changes["parent_id"] = _parent_id(form.data)
            require_within(principal(), Permission.PEOPLE_MANAGE, changes["parent_id"])
            require_within(principal(), Permission.PEOPLE_MANAGE, unit.parent_id)
        try:
            change_org_unit(session(), unit, changes, by=principal())
        except (ConflictError, InvalidInputError) as error:
            form.refuse(error)
        else:
            return redirect(url_for(".list_org_units", done="saved"), HTTPStatus.SEE_OTHER)
    return _form_page(unit, form), HTTPStatus.UNPROCESSABLE_ENTITY


def _form_page(unit: OrgUnit | None, form: Form[OrgUnitForm]) -> str:
    statement = visible(select(OrgUnit), principal(), OrgUnit).order_by(OrgUnit.name)
    shown = [one for one in session().scalars(statement) if one is not unit]
    parent = session().get(OrgUnit, unit.parent_id) if unit is not None and unit.parent_id is not None else None
    if parent is not None and parent not in shown:
        shown = [parent, *shown]  # it stays what it is, also for somebody who may not see it
    parents = [("", gettext("none: at the top")), *((one.public_id, one.name) for one in shown)]
    return render_template("people/org_unit.html", unit=unit, form=form, parents=parents)


def _public_id(org_unit_id: int | None) -> str | None:
    return None if org_unit_id is None else session().get_one(OrgUnit, org_unit_id).public_id


def _parent_id(given: OrgUnitForm) -> int | None:
    if given.parent is None:
        return None
    return find_visible(session(), principal(), OrgUnit, given.parent, Permission.PEOPLE_READ).id


def _in_tree_order(units: Sequence[OrgUnit]) -> list[tuple[int, OrgUnit]]:
    """Put each org unit below its parent, with its depth; those whose parent is not seen stand at the top."""
    seen = {unit.id for unit in units}
    below: dict[int | None, list[OrgUnit]] = {}
    for unit in units:
        below.setdefault(unit.parent_id if unit.parent_id in seen else None, []).append(unit)
    ordered: list[tuple[int, OrgUnit]] = []
    waiting = [(0, unit) for unit in reversed(below.get(None, []))]
    while waiting:
        depth, unit = waiting.pop()
        ordered.append((depth, unit))
        waiting += [(depth + 1, child) for child in reversed(below.get(unit.id, []))]
    return ordered
