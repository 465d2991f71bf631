"""People are tested with the shell alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub.core.area import Area


@pytest.fixture
def areas() -> tuple[Area, ...]:
    """Give the areas of the app under test."""
    from hub.people import AREA as PEOPLE

    return (PEOPLE,)
