"""Plumbline's three packages have plain names that other distributions use too: two of them cannot share a place."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

from hub.core.errors import SettingError

OURS = "plumbline-hub"
PACKAGES = ("hub", "connectors", "rules")


class ForeignPackageError(SettingError):
    """Another distribution owns one of Plumbline's packages in this environment."""

    slug = "foreign-package"


def refuse_foreign_packages(suspects: Iterable[Distribution] | None = None) -> None:
    """Refuse to start, by name, beside a distribution that owns one of our packages."""
    for suspect in distributions() if suspects is None else suspects:
        taken = _packages_of(suspect)
        if taken and suspect.name != OURS:
            raise ForeignPackageError(
                f"The distribution {suspect.name!r} owns the package {taken[0]!r} in this environment, which Plumbline "
                f"needs for itself: uninstall {suspect.name!r}, or install Plumbline into an environment of its own."
            )


def _packages_of(suspect: Distribution) -> list[str]:
    # the lists are searched as text: parsed, they would cost every start a third of a second
    files = "\n" + (suspect.read_text("RECORD") or "")
    names = (suspect.read_text("top_level.txt") or "").split()
    return [package for package in PACKAGES if f"\n{package}/" in files or package in names]
