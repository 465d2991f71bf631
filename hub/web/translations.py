"""Texts through gettext; the source is English, and a catalogue beside this file would add a language.

`pybabel extract -F hub/web/babel.cfg -o messages.pot hub` collects the texts of pages and of Python's `gettext(...)`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

CATALOGUES = Path(__file__).parent / "catalogues"
LANGUAGE = "en"


@cache
def catalogue(language: str = LANGUAGE) -> NullTranslations:
    """Load the texts of a language; English needs none."""
    return Translations.load(CATALOGUES, [language], domain="plumbline")


def gettext(text: str) -> str:
    """Say a text in the reader's language."""
    said: str = catalogue().gettext(text)
    return said


def ngettext(one: str, many: str, count: int) -> str:
    """Say a text about a number of things in the reader's language."""
    said: str = catalogue().ngettext(one, many, count)
    return said
