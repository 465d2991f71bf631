"""Pages and addresses that belong to no area: overview, what an error means, the API's description, static files."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, render_template, request, send_from_directory

from hub.core.errors import REGISTRY, NotFoundError
from hub.web import assets
from hub.web.json import dumps
from hub.web.panels import panels_at
from hub.web.requests import SIGNED_IN, public, requires

if TYPE_CHECKING:
    from apiflask import APIFlask

A_YEAR = 31_536_000
pages = Blueprint("web", __name__)


@pages.get("/")
@requires(SIGNED_IN)
def overview() -> str:
    """Show what each area has to say on one page."""
    return render_template("web/overview.html", panels=panels_at("overview"))


@pages.get("/errors/<slug>")
@public("the type of every problem leads here, also for programs that are not signed in")
def explain_error(slug: str) -> str:
    """Explain one kind of error."""
    if slug not in REGISTRY:
        raise NotFoundError("There is no error of this name.")
    return render_template("web/explain_error.html", kind=REGISTRY[slug])


@pages.get("/errors")
@public("the list of problems is part of the API's description")
def list_errors() -> str:
    """List all kinds of errors."""
    return render_template("web/list_errors.html", kinds=sorted(REGISTRY.items()))


@pages.get("/openapi.json")
@public("the description of the API holds no data")
def openapi() -> Response:
    """Give the API's description."""
    app = cast("APIFlask", current_app)
    return Response(dumps(app._get_spec("json")), content_type="application/json")  # noqa: SLF001  # the public one is built anew each time


@pages.get("/static/<path:path>")
@public("style sheets and scripts hold no data")
def static_file(path: str) -> Response:
    """Give a style sheet or script; with its version in the address a browser may keep it for a year."""
    response = send_from_directory(assets.STATIC, path)
    versioned = request.args.get("v") == assets.version_of(path)
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if versioned else "no-cache"
    return response
