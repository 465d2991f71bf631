"""What every page's frame needs: navigation, the form token, addresses of static files, formats, texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, request, url_for

from hub.core.access import Permission, Principal
from hub.web import assets
from hub.web.csrf import csrf_token
from hub.web.formats import FILTERS
from hub.web.requests import principal_or_none, state
from hub.web.translations import gettext, ngettext


@dataclass(frozen=True)
class Link:
    """One entry of the navigation, as one person sees it."""

    title: str
    address: str
    current: bool


def furnish(app: Flask) -> None:
    """Give the templates of all areas what they share."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_context)


def navigation(reader: Principal | None) -> list[Link]:
    """List the entries that this reader may use, in the areas' order."""
    if reader is None:
        return []
    entries = sorted((entry for area in state().areas for entry in area.navigation), key=lambda entry: entry.order)
    usable = [entry for entry in entries if not entry.permission or reader.may(Permission(entry.permission))]
    addresses = {
        url_for(entry.endpoint): entry.title for entry in usable if entry.endpoint in current_app.view_functions
    }
    here = max((address for address in addresses if _is_in(request.path, address)), key=len, default=None)
    return [Link(gettext(title), address, current=address == here) for address, title in addresses.items()]


def asset(path: str) -> str:
    """Give the address of a static file, with its version."""
    return url_for("web.static_file", path=path, v=assets.version_of(path))


def _is_in(path: str, address: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))


def _context() -> dict[str, Any]:
    reader = g.principal if "principal" in g else principal_or_none()
    return {
        "reader": reader,
        "may": lambda name: reader is not None and reader.may(Permission(name)),
        "navigation": lambda: navigation(reader),
        "asset": asset,
        "assets_are_there": assets.are_there(),
        "csrf_token": csrf_token,
    }
