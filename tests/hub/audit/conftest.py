"""The trail's page and API are tested with the shell and people alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub.core.area import Area


@pytest.fixture
def areas() -> tuple[Area, ...]:
    """Give the areas of the app under test."""
    from hub.audit import AREA as AUDIT
    from hub.people import AREA as PEOPLE

    return (PEOPLE, AUDIT)
