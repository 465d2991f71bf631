"""Every page of every area in a real browser: nothing runs that is not ours, and everybody can read it (R26).

All texts in the database hold markup that would open a dialog, or make the browser complain about the policy.
"""

from __future__ import annotations

import re
import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from hub.core.access import Role
from hub.web import assets
from tests.security.belongings import WORDS, Belonging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apiflask import APIFlask
    from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request

    from hub.core.area import Area
    from hub.core.database import Database
    from tests.factories import SettableClock
    from tests.visitors import SignIn

CHROMIUM = shutil.which("chromium")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
NOT_PAGES = ("/api/", "/static/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/webhooks/")
NEEDS_A_TOKEN = ("/setup", "/join")
SERIOUS = {"serious", "critical"}
ASKED = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),  # every page of every area in one browser, on a machine that may be busy
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
    pytest.mark.skipif(not assets.are_there(), reason="run `make assets`"),
]


class Quiet(WSGIRequestHandler):
    """Writes no line per request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # the signature is werkzeug's
        """Write nothing."""


@pytest.fixture
def areas() -> Sequence[Area]:
    """Give all areas."""
    from hub.areas import AREAS

    return AREAS


@pytest.fixture
def site(app: APIFlask) -> Iterator[str]:
    """Serve the app on a free port."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def addresses(app: APIFlask, site_database: Database, clock: SettableClock) -> list[str]:
    """List every page, each with something on it."""
    belonging = Belonging.build(site_database, now=clock())

    def value(rule: str, name: str) -> str:
        return {"slug": "not-found", **WORDS}.get(name) or belonging.id_of(rule, name)

    found = {
        re.sub(r"<(?:\w+:)?(\w+)>", lambda part, rule=rule.rule: value(rule, part[1]), rule.rule)  # type: ignore[misc]  # rule as it is now
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith((*NOT_PAGES, *NEEDS_A_TOKEN))
    }
    return sorted(found)


@pytest.fixture
def context(site: str, signed_in: SignIn) -> Iterator[BrowserContext]:
    """Give a browser that an admin is signed in with."""
    from playwright.sync_api import sync_playwright

    cookie = signed_in(Role.ADMIN).client.get_cookie("plumbline")
    assert cookie is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]  # width and height
        context.add_cookies([{"name": "plumbline", "value": cookie.value, "url": site}])
        yield context
        browser.close()


@pytest.fixture
def page(context: BrowserContext) -> tuple[Page, list[str]]:
    """Give a tab, and the list of what its pages complain about."""
    tab, complaints = context.new_page(), list[str]()

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def refuse(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def watch(asked: Request) -> None:
        if not asked.url.startswith(("http://127.0.0.1:", "data:")):
            complaints.append(f"asked {asked.url}")

    tab.on("console", hear)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", refuse)
    tab.on("request", watch)
    return tab, complaints


def test_no_page_runs_what_people_typed_or_asks_another_host(
    site: str, addresses: list[str], page: tuple[Page, list[str]]
) -> None:
    tab, complaints = page
    assert len(addresses) > 15
    for address in addresses:
        reply = tab.goto(site + address)
        assert reply is not None
        assert (reply.status, complaints) == (200, []), address


def test_every_page_fits_a_phone(site: str, addresses: list[str], page: tuple[Page, list[str]]) -> None:
    tab, _ = page
    tab.set_viewport_size(PHONE)  # type: ignore[arg-type]  # width and height
    too_wide = {}
    for address in addresses:
        tab.goto(site + address)
        width = tab.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            too_wide[address] = width
    assert too_wide == {}


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.full)])
def test_everybody_can_read_every_page(
    site: str, addresses: list[str], page: tuple[Page, list[str]], theme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab, _ = page
    tab.add_init_script(f"localStorage.setItem('plumbline-theme', '{theme}')")
    found = []
    for address in addresses:
        tab.goto(site + address)
        found += [
            f"{address}: {violation['id']}: {violation['nodes'][0]['html'][:200]}"
            for violation in Axe().run(tab, options=ASKED).response["violations"]
            if violation["impact"] in SERIOUS
        ]
    assert found == []
