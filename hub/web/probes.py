"""What machines ask: is the process alive, is it ready, how is it doing."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from hub.core.database import Database
from hub.core.errors import PlumblineError, UnavailableError
from hub.core.revisions import current_revision, newest_revision
from hub.web.json import dumps
from hub.web.requests import public, state
from hub.web.state import Probe

probes = Blueprint("probes", __name__)
log = structlog.get_logger(__name__)


@probes.get("/healthz")
@public("whoever watches the process has no account")
def healthz() -> Response:
    """Say that the process answers."""
    return _json({"alive": True})


@probes.get("/readyz")
@public("whoever sends requests here has no account")
def readyz() -> Response:
    """Say whether each dependency is there, by name."""
    found = {name: _look(name, probe) for name, probe in state().probes.items()}
    ready = all(said == "ok" for said in found.values())
    return _json({"ready": ready, "dependencies": found}, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


@probes.get("/metrics")
@public("figures without names; whoever collects them has no account")
def figures() -> Response:
    """Give the figures of this process."""
    return Response(state().figures.text(), content_type=CONTENT_TYPE_LATEST)


def database_probe(database: Database) -> Probe:
    """Make the probe that asks the database for an answer."""

    def ask() -> None:
        with database.read() as session:
            session.execute(text("SELECT 1"))

    return ask


def migrations_probe(database: Database) -> Probe:
    """Make the probe that compares the database's revision with the one that this version needs."""

    def ask() -> None:
        if current_revision(database) != newest_revision():
            raise UnavailableError("the tables are of another version: run `plumbline db upgrade`")

    return ask


def _look(name: str, probe: Probe) -> str:
    try:
        probe()
    except PlumblineError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a dependency is this page's answer
        log.warning("probe.failed", dependency=name, error=type(error).__name__)
        return "not reachable"
    return "ok"


def _json(body: dict[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(dumps(body), status=status, content_type="application/json")
