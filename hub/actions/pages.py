"""Pages of actions: the list, and one action with its tickets and findings."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from hub.actions import service
from hub.actions.models import ActionItem, ActionState
from hub.core.access import Permission
from hub.core.errors import InvalidInputError
from hub.core.paging import PageQuery, read_page
from hub.web.requests import principal, requires, session

pages = Blueprint("actions", __name__, template_folder="templates")


@pages.get("/actions")
@requires(Permission.ACTIONS_READ)
def list_actions() -> str:
    """List action items, newest first."""
    chosen = _read_state(request.args.get("state", "all"))
    statement = service.list_visible(principal())
    if chosen is not None:
        statement = statement.where(ActionItem.state == chosen)
    query = PageQuery(cursor=request.args.get("cursor"))
    page = read_page(session(), statement, by=(ActionItem.id,), query=query, newest_first=True)
    tickets = service.tickets_of_items(session(), page.items)
    return render_template("actions/list.html", page=page, tickets=tickets, chosen=chosen, states=list(ActionState))


@pages.get("/actions/<public_id>")
@requires(Permission.ACTIONS_READ)
def show_action(public_id: str) -> str:
    """Show one action item: its ticket, its findings, and what became of it."""
    item = service.get_visible(session(), principal(), public_id)
    return render_template(
        "actions/action.html",
        item=item,
        ticket=service.tickets_of_items(session(), [item]).get(item.id),
        findings=service.findings_of_item(session(), principal(), item),
        steps=service.list_steps(session(), item),
    )


def _read_state(given: str) -> ActionState | None:
    if given == "all":
        return None
    try:
        return ActionState(given)
    except ValueError:
        raise InvalidInputError(f"state: {given!r} is none of {', '.join(ActionState)}, all.") from None
