"""Plumbline's three packages have plain names that other distributions use too: two of them cannot share a place."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions

from hub.core.errors import SettingError

OURS = "plumbline-hub"
PACKAGES = ("hub", "connectors", "rules")


class ForeignPackageError(SettingError):
    """Another distribution owns one of Plumbline's packages in this environment."""

    slug = "foreign-package"


def refuse_foreign_packages() -> None:
    """Refuse to start, by name, beside a distribution that owns one of our packages; looks only at the likely ones."""
    _refuse(named for name in PACKAGES if (named := _find(name)) is not None)


def refuse_any_foreign_package() -> None:
    """Refuse the same of every distribution of this environment, whatever it is called; takes longer."""
    _refuse(distributions())


def _find(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _refuse(suspects: Iterable[Distribution]) -> None:
    for suspect in suspects:
        name = suspect.metadata["Name"]
        taken = [package for package in PACKAGES if name != OURS and _owns(suspect, package)]
        if taken:
            raise ForeignPackageError(
                f"The distribution {name!r} owns the package {taken[0]!r} in this environment, which Plumbline needs "
                f"for itself: uninstall {name!r}, or install Plumbline into an environment of its own."
            )


def _owns(suspect: Distribution, package: str) -> bool:
    return any(file.parts[:1] == (package,) and file.suffix == ".py" for file in suspect.files or ())
