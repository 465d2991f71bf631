"""What a view may ask for: its session, who is asking, the app's state; and the mark that says who may come in.

Every route carries exactly one mark, `@requires(...)` or `@public(...)`; one without is refused, and fails the build.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request
from sqlalchemy.orm import Session

from hub.core.access import Permission, Principal
from hub.core.errors import ForbiddenError, SignInRequiredError
from hub.core.ids import new_public_id
from hub.web.cookies import read_session_id
from hub.web.state import EXTENSION, Admission, AppState

SIGNED_IN = None
"""`@requires(SIGNED_IN)`: everybody who is signed in, whatever their roles."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/api/"
_MARK = "plumbline_access"
V = TypeVar("V", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """Who may use a route."""

    permission: Permission | None = None
    public: str | None = None
    """Why nobody is asked for; None = somebody is."""
    form: bool = False
    """A public route that takes a form of ours: it wants our page's token even where no cookie came with it."""

    def __str__(self) -> str:
        """Write it as the table of routes does (tests/security/routes.yaml)."""
        return "public" if self.public else (self.permission or "signed_in")


def requires(permission: Permission | None) -> Callable[[V], V]:
    """Let in those who hold the permission somewhere; what they see is then filtered by `visible`."""
    return _mark(Access(permission=permission))


def public(reason: str, *, form: bool = False) -> Callable[[V], V]:
    """Let in everybody, for this reason."""
    return _mark(Access(public=reason, form=form))


def _mark(access: Access) -> Callable[[V], V]:
    def mark(view: V) -> V:
        if hasattr(view, _MARK):
            raise TypeError(f"{view.__name__} has two of @requires and @public: keep one")
        setattr(view, _MARK, access)
        return view

    return mark


def access_of(app: Flask, endpoint: str) -> Access | None:
    """Give the mark of a route; None = it has none."""
    found: Access | None = getattr(app.view_functions[endpoint], _MARK, None)
    return found


def state() -> AppState:
    """Give what the app was built from."""
    found: AppState = current_app.extensions[EXTENSION]
    return found


def session() -> Session:
    """Open the request's session at its first use: read-only for GET, else committed when the view succeeds.

    It is a transaction: a view that calls a tool or hashes a password does so before it asks for this.
    """
    if "session" not in g:
        database = state().database
        g.session_stack = ExitStack()
        g.session = g.session_stack.enter_context(database.read() if request.method in READING else database.write())
    opened: Session = g.session
    return opened


def principal() -> Principal:
    """Give who is asking; whoever is nobody is told to sign in."""
    found = principal_or_none()
    if found is None:
        raise SignInRequiredError("Sign in, or send an API token that is valid.")
    return found


def principal_or_none() -> Principal | None:
    """Give who is asking, as their roles are at this moment."""
    if "principal" not in g:
        g.admission = _admit()
        g.principal = None if g.admission is None else g.admission.principal
    found: Principal | None = g.principal
    return found


def is_api() -> bool:
    """Say whether a program is asking."""
    return request.path.startswith(API)


def request_id() -> str:
    """Give the id under which the log has this request."""
    if "request_id" not in g:
        g.request_id = new_public_id("req")
    found: str = g.request_id
    return found


def begin() -> None:
    """Note when the request came."""
    g.started = time.perf_counter()


def let_in() -> None:
    """Stop whoever may not use this route, before anything of the request is read."""
    if request.endpoint is None:
        return  # no such address, or not this method: the router says so
    access = access_of(current_app, request.endpoint)
    if access is None:
        raise ForbiddenError(f"The route {request.endpoint} does not say who may use it: mark it.")
    if access.public:
        return
    asking = principal()
    if access.permission is not None and not asking.may(access.permission):
        raise ForbiddenError(f"This needs the permission {access.permission}: ask an admin for a role that has it.")
    g.principal = replace(asking, purpose=access.permission)


def count() -> None:
    """Count the request against its caller's minute."""
    asking = principal_or_none() if is_api() else None
    if asking is not None:
        state().limiter.count(asking.audit_name, state().clock())


def finish(response: Response) -> Response:
    """End the request's transaction: what a refused request did is rolled back."""
    stack: ExitStack | None = g.pop("session_stack", None)
    if stack is not None:
        with stack:
            if response.status_code >= 400:  # noqa: PLR2004  # where HTTP's errors begin
                g.session.rollback()
    return response


def note_visit(response: Response) -> Response:
    """Note that somebody was here, in a transaction of its own: reading must not need the writer's lock."""
    admission: Admission | None = g.pop("admission", None)
    if admission is not None and admission.note_visit is not None:
        with state().database.write() as noting:
            admission.note_visit(noting)
    return response


def measure(response: Response) -> Response:
    """Count the reply by its route."""
    route = request.url_rule.rule if request.url_rule is not None else "none"
    state().figures.count(request.method, route, response.status_code, time.perf_counter() - g.started)
    response.headers["X-Request-Id"] = request_id()
    return response


def abandon(_error: BaseException | None) -> None:
    """Roll back what a request left open that ended in no reply."""
    stack: ExitStack | None = g.pop("session_stack", None)
    if stack is not None:
        with stack:
            g.session.rollback()


def _admit() -> Admission | None:
    now, keeper = state().clock(), state().doorkeeper
    header = request.headers.get("Authorization")
    if header is not None and is_api():
        scheme, _, token = header.partition(" ")
        with state().database.read() as reading:
            admission = keeper.admit_token(reading, token.strip(), now) if scheme.lower() == "bearer" else None
        if admission is None:
            raise SignInRequiredError("The API token is unknown, expired or revoked: make a new one on your profile.")
        return admission
    session_id = read_session_id()
    if session_id is None:
        return None
    with state().database.read() as reading:
        return keeper.admit_session(reading, session_id, now)
