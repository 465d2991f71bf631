"""Panels: what a page shows of a higher area, without knowing it.

A panel is a function `(session, principal, *subject)` that gives a template and its data, or None to show nothing. It
filters with `visible(..., permission=...)`: the page's own permission is another one than the panel's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import render_template
from markupsafe import Markup
from sqlalchemy.orm import Session

from hub.core.access import Principal
from hub.core.area import resolve
from hub.web.requests import principal, session, state

Panel = Callable[..., tuple[str, Mapping[str, Any]] | None]


def panels_at(place: str, *subject: Any) -> list[Markup]:  # noqa: ANN401  # what the page is about
    """Render every panel that the areas registered for a place, in the areas' order."""
    shown = []
    for area in state().areas:
        name = area.panels.get(place)
        found = None if name is None else _ask(resolve(name), session(), principal(), *subject)
        if found is not None:
            template, data = found
            shown.append(Markup(render_template(template, **data)))  # noqa: S704  # our own templates escape their data
    return shown


def _ask(
    panel: Panel,
    session: Session,
    principal: Principal,
    *subject: Any,  # noqa: ANN401  # as above
) -> tuple[str, Mapping[str, Any]] | None:
    return panel(session, principal, *subject)
