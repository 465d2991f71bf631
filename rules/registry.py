"""The detectors by name: one pattern a file in `rules.detectors`, found by its file name when a rule asks for it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rules.errors import DetectorError, suggest
from rules.findings import Findings
from rules.history import SUBJECTS, History

Clears = Literal["condition", "event"]
"""`condition`: a finding holds until its condition is gone. `event`: it is about the past and ends by an answer."""
EffectUnit = Literal["metric", "days", "share", "deviations", "rank"]
"""What a detector's effect counts: the metric's own unit of measurement, or something of its own."""


class Params(BaseModel):
    """Base of every detector's parameters: frozen, and a typo is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Detect = Callable[[History, "Params"], Findings]


@dataclass(frozen=True)
class Detector:
    """One registered detector. `facts` are the names its explanations give; `slots` the fixed ones it may use."""

    name: str
    version: int
    params: type[Params]
    clears: Clears
    subjects: tuple[str, ...]
    facts: tuple[str, ...]
    effect: EffectUnit
    detect: Callable[..., Findings]

    @property
    def manual(self) -> str:
        """The detector's manual: the docstring of its file."""
        return inspect.cleandoc(sys.modules[self.detect.__module__].__doc__ or "")

    def section(self, heading: str) -> str:
        """Return one section of the manual in one line, such as `Innocent explanations`; empty where it has none."""
        found = re.search(rf"^\*\*{re.escape(heading)}\.\*\*(.*?)(?=^\*\*|\Z)", self.manual, re.DOTALL | re.MULTILINE)
        return " ".join(found[1].split()) if found else ""


class Registry:
    """Detectors by name; `package` is where files named like their detector are looked up."""

    def __init__(self, package: str | None = None) -> None:
        self._package = package
        self._found: dict[str, Detector] = {}

    def detector(
        self,
        name: str,
        *,
        version: int,
        params: type[Params],
        clears: Clears,
        subjects: tuple[str, ...] = ("series",),
        facts: tuple[str, ...] = (),
        effect: EffectUnit = "metric",
    ) -> Callable[[Callable[..., Findings]], Callable[..., Findings]]:
        """Register a function `(history, params) -> Findings` under a name that nobody else has."""
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            raise DetectorError(f"{name!r} is no detector name: use snake case, such as target_moved")
        if version < 1 or not subjects or not set(subjects) <= set(SUBJECTS):
            raise DetectorError(f"{name}: version counts from 1 and subjects are some of {', '.join(SUBJECTS)}")

        def register(detect: Callable[..., Findings]) -> Callable[..., Findings]:
            taken = self._found.get(name)
            if taken:
                raise DetectorError(f"{name} is already the detector in {taken.detect.__module__}: choose another name")
            self._found[name] = Detector(name, version, params, clears, subjects, facts, effect, detect)
            return detect

        return register

    def get(self, name: str) -> Detector:
        """Return a detector, importing its file where that has not happened yet."""
        if name not in self._found and self._package and name in self._files():
            importlib.import_module(f"{self._package}.{name}")
        if name not in self._found:
            raise DetectorError(f"there is no detector {name!r}{suggest(name, self.names())}")
        return self._found[name]

    def names(self) -> list[str]:
        """Return the name of every detector, imported or not."""
        return sorted({*self._found, *self._files()})

    def _files(self) -> set[str]:
        if not self._package:
            return set()
        path = importlib.import_module(self._package).__path__
        return {module.name for module in pkgutil.iter_modules(path)}


REGISTRY = Registry("rules.detectors")
"""The detectors that we ship."""
detector = REGISTRY.detector
