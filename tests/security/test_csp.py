"""What browsers may do with our pages: nothing of others, nothing inline, no frame (R26, R37)."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.core.access import Role
from tests.visitors import SignIn

if TYPE_CHECKING:
    from apiflask import APIFlask

ROOT = Path(__file__).parents[2]
KINDS = ("/", "/people", "/sign-in", "/nope", "/api/v1/persons", "/api/v1/nope", "/healthz", "/openapi.json", "/errors")


def directives(reply_policy: str) -> dict[str, list[str]]:
    parts = (part.split() for part in reply_policy.split(";"))
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", KINDS)
def test_every_reply_carries_the_policy(signed_in: SignIn, path: str) -> None:
    headers = signed_in(Role.ADMIN).get(path).headers
    policy = directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Server"] == ""
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("path", KINDS)
def test_with_https_browsers_are_told_to_stay_with_it(app: APIFlask, path: str) -> None:
    headers = app.test_client().get(path, base_url="https://localhost").headers
    assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize("path", ["/", "/people", "/api/v1/persons", "/sign-in"])
def test_nobody_keeps_a_copy_of_what_one_person_may_see(signed_in: SignIn, path: str) -> None:
    assert signed_in(Role.ADMIN).get(path).headers["Cache-Control"] == "no-store"


class Inline(HTMLParser):
    """Finds what a strict policy would not run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        names = {name for name, _ in attrs}
        if tag == "style" or "style" in names or (tag == "script" and "src" not in names):
            self.found.append(self.get_starttag_text() or tag)
        self.found += [name for name in names if name.startswith(("on", "hx-on"))]
        self.found += [
            f"{name}={value}"
            for name, value in attrs
            if name in {"href", "src", "action", "formaction"} and "javascript:" in (value or "").lower()
        ]


def test_no_template_holds_anything_inline() -> None:
    templates = sorted(ROOT.glob("hub/**/templates/**/*.html"))
    assert len(templates) > 10
    for template in templates:
        looking = Inline()
        looking.feed(re.sub(r"{[{%#].*?[%#}]}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL))
        assert looking.found == [], template


def test_no_template_switches_escaping_off() -> None:
    for template in ROOT.glob("hub/**/templates/**/*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", text), template


PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "{{ 7*110011 }}",
    "${alert(1)}",
    "javascript:alert(1)",
    "\u05d0<b>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_type_is_shown_as_they_typed_it(signed_in: SignIn, payload: str) -> None:
    admin = signed_in(Role.ADMIN)
    assert (
        admin.call("POST", "/api/v1/org-units", {"key": "x", "name": payload, "function": payload}).status_code == 201
    )
    made = admin.call("POST", "/api/v1/persons", {"key": "x", "name": payload})
    person = f"/people/{(made.json or {})['id']}"
    assert admin.send("/profile", name=payload, time_zone="UTC").status_code == 303
    assert admin.send("/profile/tokens", label=payload, days="30", scopes=["metrics.read"]).status_code == 201
    for path in ("/", "/people", "/people/new", "/org-units", "/org-units/new", "/profile", person):
        page = admin.get(path)
        looking = Inline()
        looking.feed(page.text)
        assert (page.status_code, looking.found) == (200, []), path
        assert "770077" not in page.text, "a template was made of what somebody typed"
    assert payload in admin.get(f"/api/v1/persons/{(made.json or {})['id']}").json.values()  # type: ignore[union-attr]  # a reply with a body
