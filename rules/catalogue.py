"""The generated part of README.md: detectors, packs, fields of a subject. `python -m rules.catalogue` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rules.loader import load_pack, packs
from rules.registry import REGISTRY, Detector
from rules.schema import Subject

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- begin catalogue -->", "<!-- end catalogue -->"
HEADINGS = (
    "What it says",
    "Method",
    "Source",
    "Assumptions",
    "Minimum sample",
    "How it looks when someone does it",
    "Innocent explanations",
    "What would settle it",
)
"""The sections of every detector's manual."""


def catalogue() -> str:
    """Return the generated part."""
    return "\n".join((*_detectors(), *_packs(), *_subject())) + "\n"


def _detectors() -> Iterator[str]:
    yield "## Detectors\n"
    for name in REGISTRY.names():
        yield from _detector(REGISTRY.get(name))


def _detector(found: Detector) -> Iterator[str]:
    title, _, manual = found.manual.partition("\n")
    yield f"### `{found.name}`\n\n{title}\n"
    yield f"Version {found.version}; subjects: {', '.join(found.subjects)}; ends with its {found.clears}.\n"
    yield "| parameter | default | meaning |\n|---|---|---|"
    for name, field in found.params.model_fields.items():
        default = "" if field.is_required() else field.default
        yield f"| `{name}` | {'none' if default is None else str(default).lower()} | {field.description} |"
    yield f"{manual}\n"


def _packs() -> Iterator[str]:
    yield "## Packs\n\n| pack | rule | detector | stage | what it says |\n|---|---|---|---|---|"
    for name in packs():
        for rule in load_pack(name).rules:
            yield f"| {name} | `{rule.name}` | {rule.detector} | {rule.stage.name} | {rule.description} |"


def _subject() -> Iterator[str]:
    yield "\n## What a condition may ask\n\n| field | type | meaning |\n|---|---|---|"
    kinds: dict[Any, str] = {
        str: "string",
        bool: "bool",
        tuple[str, ...]: "list(string)",
        tuple[float, ...]: "list(double)",
    }
    for name, field in Subject.model_fields.items():
        kind = "map(string, string)" if name == "labels" else kinds.get(field.annotation, "string")
        yield f"| `subject.{name}` | {kind} | {field.description} |"


def written(readme: str) -> str:
    """Return a README with the generated part brought up to date."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n\n{catalogue()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
