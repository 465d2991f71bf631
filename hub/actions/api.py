"""Actions and tickets for programs."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from hub.actions import service
from hub.actions.models import ActionItem, ActionState, Ticket
from hub.core.access import Permission
from hub.core.paging import PageQuery, read_page
from hub.web.requests import principal, requires, session

api = APIBlueprint("actions_api", __name__, tag="Actions")


class ActionQuery(PageQuery):
    """Which actions to list."""

    state: ActionState | None = Field(default=None, description="Only actions in this state.")


class TicketOut(BaseModel):
    """The ticket in which an action is done."""

    label: str | None
    url: str | None
    state: str | None = Field(
        description="open, in_progress or closed, as the tool last told it; null = not created yet."
    )


class ActionOut(BaseModel):
    """One thing somebody has to do."""

    id: str
    title: str
    state: ActionState
    due_at: datetime | None
    reopenings: int
    created_at: datetime
    ended_at: datetime | None
    ticket: TicketOut | None


class ActionPage(BaseModel):
    """One page of actions."""

    items: list[ActionOut]
    next_cursor: str | None


@api.get("/actions")
@api.input(ActionQuery, location="query", arg_name="query")
@api.output(ActionPage)
@requires(Permission.ACTIONS_READ)
def list_actions(query: ActionQuery) -> ActionPage:
    """List the actions that you may see, newest first."""
    statement = service.list_visible(principal())
    if query.state is not None:
        statement = statement.where(ActionItem.state == query.state)
    page = read_page(session(), statement, by=(ActionItem.id,), query=query, newest_first=True)
    tickets = service.tickets_of_items(session(), page.items)
    return ActionPage(items=[_show(item, tickets.get(item.id)) for item in page.items], next_cursor=page.next_cursor)


@api.get("/actions/<action_id>")
@api.output(ActionOut)
@requires(Permission.ACTIONS_READ)
def get_action(action_id: str) -> ActionOut:
    """Give one action."""
    item = service.get_visible(session(), principal(), action_id)
    return _show(item, service.tickets_of_items(session(), [item]).get(item.id))


def _show(item: ActionItem, ticket: Ticket | None) -> ActionOut:
    return ActionOut(
        id=item.public_id,
        title=item.title,
        state=item.state,
        due_at=item.due_at,
        reopenings=item.reopenings,
        created_at=item.created_at,
        ended_at=item.ended_at,
        ticket=None if ticket is None else TicketOut(label=ticket.label, url=ticket.url, state=ticket.state),
    )
