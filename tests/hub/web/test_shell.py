"""The frame of every page: navigation, panels, what is said when something is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from flask import render_template_string

from hub.core.access import Principal, Role
from hub.core.area import Area
from hub.web import assets
from hub.web.requests import SIGNED_IN, requires
from tests.visitors import SignIn, Visitor

if TYPE_CHECKING:
    from apiflask import APIFlask
    from sqlalchemy.orm import Session

TEMPLATE = "people/person_rows.html"


def greet(_session: Session, principal: Principal) -> tuple[str, Mapping[str, Any]] | None:
    """Be a panel that only viewers see."""
    return (
        ("web/error_fragment.html", {"error": f"<b>{principal.name}</b>"}) if Role.VIEWER in principal.roles else None
    )


@pytest.fixture
def areas() -> tuple[Area, ...]:
    """Give the areas of the app under test, one of them with a panel."""
    from hub.people import AREA as PEOPLE

    return (PEOPLE, Area(name="greeting", panels={"overview": f"{__name__}:greet"}))


def entries(visitor: Visitor, path: str = "/") -> list[str]:
    return re.findall(r'class="nav-link-title">([^<]+)<', visitor.get(path).text)


def test_the_navigation_shows_what_somebody_may_use(signed_in: SignIn) -> None:
    assert entries(signed_in(Role.ADMIN)) == ["Overview", "People", "Org units"]
    assert entries(signed_in(Role.VIEWER)) == ["Overview"]
    assert entries(signed_in(None)) == ["Overview"]


def test_the_navigation_shows_where_one_is(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    for path, current in (("/", "Overview"), ("/people", "People"), ("/people/new", "People"), ("/profile", None)):
        found = re.search(r'aria-current="page">\s*<span class="nav-link-title">([^<]+)<', admin.get(path).text)
        assert (found[1] if found else None) == current, path


def test_the_overview_shows_panels_and_their_data_is_never_markup(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/").text
    assert f"&lt;b&gt;{viewer.person.name}&lt;/b&gt;" in page
    assert "Nothing to show yet" in signed_in(Role.ADMIN).get("/").text


def test_a_page_has_the_landmarks_that_readers_need(signed_in: SignIn) -> None:
    page = signed_in(Role.ADMIN).get("/people").text
    assert '<html lang="en"' in page
    assert page.index('class="skip-link" href="#main"') < page.index("<aside")
    assert page.count('<main id="main"') == 1
    assert len(re.findall("<h1", page)) == 1
    assert 'name="viewport"' in page


def test_missing_assets_are_said_in_one_line(nobody: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "are_there", lambda: False)
    assert nobody.get("/sign-in").text.count("run `make assets`") == 1
    monkeypatch.setattr(assets, "are_there", lambda: True)
    assert "make assets" not in nobody.get("/sign-in").text


def test_a_static_file_is_kept_by_its_version_and_nothing_else_is_given(nobody: Visitor) -> None:
    address = f"/static/plumbline.css?v={assets.version_of('plumbline.css')}"
    assert "immutable" in nobody.get(address).headers["Cache-Control"]
    assert nobody.get("/static/plumbline.css?v=old").headers["Cache-Control"] == "no-cache"
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/none.css"):
        assert nobody.get(path).status_code == 404


def test_components_say_their_data_as_text(app: APIFlask, signed_in: SignIn) -> None:
    bad = "<script>alert(1)</script>\"'>"
    source = (
        '{% extends "layout.html" %}{% block title %}{{ bad }}{% endblock %}{% block content %}'
        "{{ ui.empty(bad, bad, bad, bad) }}{{ ui.trouble(bad) }}{{ ui.badge(bad) }}{{ ui.act(bad, bad, bad) }}"
        "{% call ui.card(bad) %}{{ bad }}{% endcall %}{% endblock %}"
    )

    @app.get("/components")
    @requires(SIGNED_IN)
    def components() -> str:
        return render_template_string(source, bad=bad)

    page = signed_in(None).get("/components").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") >= 8
