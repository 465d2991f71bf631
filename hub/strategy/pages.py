"""Pages of the strategy: the tree of objectives."""

from __future__ import annotations

from flask import Blueprint, render_template

from hub.core.access import Permission
from hub.strategy.tree import read_tree
from hub.web.requests import principal, requires, session, state

pages = Blueprint("strategy", __name__, template_folder="templates")


@pages.get("/objectives")
@requires(Permission.STRATEGY_READ)
def index() -> str:
    """Show the objectives with their key results, and how far along they are."""
    return render_template("strategy/index.html", tree=read_tree(session(), principal(), known_on=state().clock()))
