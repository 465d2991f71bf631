"""The thin path as people see it: everything is clicked in Chromium, in our pages and in Jira's.

`PLUMBLINE_SHOTS=folder` keeps a picture of every page, for eyes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.web import assets
from tests.deployment import CONVERGE_SECONDS, PASSWORD, Deployment, deployed, wait_until
from tests.e2e.story import Story, table
from tests.workbench import short_folder

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium")
SHOTS = os.environ.get("PLUMBLINE_SHOTS")

pytestmark = [
    pytest.mark.full,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
    pytest.mark.skipif(not assets.are_there(), reason="run `make assets`"),
]


class Eyes:
    """A tab, what it complained about, and pictures of what it showed."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._pictures = 0
        page.on(
            "console",
            lambda said: self.complaints.append(f"{said.text} {said.location}") if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, address: str) -> None:
        """Open an address and look at it."""
        self.page.goto(address)
        self.look()

    def click(self, selector: str) -> None:
        """Click what a person would click, and look at where it leads."""
        self.page.click(selector)
        self.page.wait_for_load_state()
        self.look()

    def look(self) -> None:
        """Keep a picture, where somebody wants them."""
        self._pictures += 1
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(SHOTS) / f"{self._pictures:02}.png", full_page=True)

    def shows(self, address: str, text: str) -> bool:
        """Open an address and say whether the page's own part holds a text."""
        self.page.goto(address)
        return text in self.page.inner_text("main")


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """Give a deployment that is not started yet."""
    with short_folder() as folder, deployed(folder) as found:
        yield found


@pytest.fixture
def eyes() -> Iterator[Eyes]:
    """Give a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Eyes(browser.new_page(viewport={"width": 1280, "height": 900}))
        browser.close()


def test_a_late_number_is_found_ticketed_closed_and_verified_by_clicking(deployment: Deployment, eyes: Eyes) -> None:
    story = Story(deployment)
    now = datetime.now(UTC)
    eyes.open(f"{deployment.address}/sign-in")
    eyes.page.fill("[name=email]", "ada@acme.example")
    eyes.page.fill("[name=password]", PASSWORD)
    eyes.click("main button.btn-primary")
    for empty in ("findings", "actions", "metric", "connections"):
        eyes.open(f"{deployment.address}/{empty}")

    story.connect(table(now - timedelta(days=60)))
    ticket = story.ticket()
    eyes.open(f"{deployment.address}/connections")
    eyes.open(f"{deployment.address}/findings")
    eyes.click("main tbody a >> nth=0")
    finding = eyes.page.url
    wait_until(lambda: eyes.shows(finding, ticket["key"]), seconds=CONVERGE_SECONDS)
    eyes.look()
    eyes.click(f"main a:text-is('{ticket['key']}')")
    assert "customers" in eyes.page.inner_text("body").lower()

    story.csv.write_text(table(now), encoding="utf-8")
    eyes.click("button[name=transition]:has-text('Done')")
    actions = f"{deployment.address}/actions"
    wait_until(lambda: eyes.shows(actions, "verified"), seconds=CONVERGE_SECONDS)
    eyes.look()
    eyes.click("main tbody a >> nth=0")
    eyes.open(finding)
    assert "resolved" in eyes.page.inner_text("main").lower()
    jira = f"{deployment.jira.address}/browse/{ticket['key']}"
    wait_until(lambda: _says(eyes.page, jira, "Verified"), seconds=CONVERGE_SECONDS)
    eyes.look()
    for page in ("", "metric", "deliveries", "audit-trail"):
        eyes.open(f"{deployment.address}/{page}")
    assert eyes.complaints == []


def _says(page: Page, address: str, text: str) -> bool:
    page.goto(address)
    return text in page.inner_text("body")
