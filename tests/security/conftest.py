"""The web app and its visitors (tests/visitors.py); what is said about every area asks for all of them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.visitors import app, client, nobody, signed_in, site_database, with_token

if TYPE_CHECKING:
    from hub.core.area import Area

__all__ = ["app", "areas", "client", "nobody", "signed_in", "site_database", "with_token"]


@pytest.fixture
def areas() -> tuple[Area, ...]:
    """Give the areas of the app under test."""
    from hub.people import AREA as PEOPLE

    return (PEOPLE,)
