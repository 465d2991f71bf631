"""The whole web app: what it is built from, in the order in which a request meets it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from apiflask import APIFlask
from redis import Redis
from werkzeug.middleware.proxy_fix import ProxyFix

from hub.areas import AREAS
from hub.core.area import Area, resolve
from hub.core.database import Database
from hub.core.errors import UnavailableError
from hub.core.home import keep_files_private, make_home
from hub.core.instants import Clock, utc_now
from hub.core.logs import configure_logs
from hub.people.keeper import Keeper
from hub.settings import Settings
from hub.web import AREA as WEB
from hub.web import csrf, headers, idempotency, openapi, problems, requests, shell
from hub.web.cookies import send_cookie
from hub.web.json import StrictJson
from hub.web.probes import database_probe, migrations_probe, probes
from hub.web.state import EXTENSION, AppState, Probe
from hub.work.dispatch import Dispatcher
from hub.work.failpoints import failpoint_from
from hub.work.handlers import subscribers_of
from hub.work.queue_server import connect, is_answering
from hub.work.service import WorkTables, install

LARGEST_REQUEST = 16 * 2**20
BEFORE = (
    requests.begin,
    headers.refuse_unreadable,
    requests.let_in,
    requests.count,
    csrf.check,
    idempotency.replay,
)
"""What looks at a request before its view does, in this order; one that answers or raises ends it."""
AFTER = (
    idempotency.remember,
    requests.finish,
    requests.note_visit,
    send_cookie,
    headers.secure,
    requests.measure,
)
"""What looks at a reply, in this order; the transaction ends in `finish`."""


def create_app(
    settings: Settings,
    *,
    database: Database | None = None,
    areas: Iterable[Area] | None = None,
    clock: Clock = utc_now,
    environ: Mapping[str, str] = os.environ,
) -> APIFlask:
    """Build the web app; nothing is contacted yet."""
    areas = (WEB, *(AREAS if areas is None else areas))
    database = database or Database(settings.database_address(), pool_size=settings.web_threads)
    queue = connect(settings)
    dispatcher = Dispatcher(queue, failpoint=failpoint_from(environ))
    install(database.info, WorkTables(dispatch=dispatcher, subscribers=subscribers_of(areas)))

    app = APIFlask(
        "hub.web",
        title="Plumbline",
        version=version("plumbline-hub"),
        spec_path=None,  # hub.web.pages gives it, so that it carries a mark like every route
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]  # as Flask takes it; hub.web.pages gives static files
        json_errors=False,  # hub.web.problems answers
    )
    app.json = StrictJson(app)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # how Flask takes middleware
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0
        )
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.extensions[EXTENSION] = AppState(
        settings=settings,
        database=database,
        clock=clock,
        areas=areas,
        doorkeeper=Keeper(settings),
        probes={
            "database": database_probe(database),
            "migrations": migrations_probe(database),
            "queue": queue_probe(queue),
        },
    )
    for before in BEFORE:
        app.before_request(before)
    for after in reversed(AFTER):  # Flask runs the last one first
        app.after_request(after)
    app.teardown_request(requests.abandon)
    problems.handle_errors(app)
    openapi.describe(app)
    shell.furnish(app)
    app.register_blueprint(probes)
    for area in areas:
        if area.pages is not None:
            app.register_blueprint(resolve(area.pages))
        if area.api is not None:
            app.register_blueprint(resolve(area.api), url_prefix="/api/v1")
    return app


def create_app_from_environ() -> APIFlask:
    """Build the web app of this process's environment: what granian loads."""
    settings = Settings()
    configure_logs(level=settings.log_level, style=settings.log_format)
    keep_files_private()
    make_home(settings.home)
    return create_app(settings)


def queue_probe(queue: Redis) -> Probe:
    """Make the probe that asks the queue server for an answer."""

    def ask() -> None:
        if not is_answering(queue):
            raise UnavailableError("does not answer; work waits in the database until it is back")

    return ask
