"""The pages' style sheets and scripts of others: copied from node_modules into `static/vendor/` by `make assets`."""

from __future__ import annotations

import hashlib
import shutil
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path(__file__).resolve().parent / "static"
VENDOR = STATIC / "vendor"
FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": "uplot/dist/uPlot.min.css",
}
"""Name in static/vendor -> file in node_modules."""
LICENCES = {
    "tabler.LICENSE": "@tabler/core/LICENSE",
    "htmx.LICENSE": "htmx.org/LICENSE",
    "uplot.LICENSE": "uplot/LICENSE",
}


def copy_assets(modules: Path = ROOT / "node_modules", target: Path = VENDOR) -> None:
    """Copy the listed files; whatever else was there goes."""
    missing = [source for source in FILES.values() if not (modules / source).is_file()]
    if missing:
        raise FileNotFoundError(f"{missing[0]} is not in {modules.name}: run `make assets`")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, source in {**FILES, **LICENCES}.items():
        if (modules / source).is_file():
            shutil.copyfile(modules / source, target / name)


def are_there(target: Path = VENDOR) -> bool:
    """Say whether the pages have what they need."""
    return all((target / name).is_file() for name in FILES)


@cache
def version_of(path: str) -> str:
    """Give what changes when a static file changes, so that browsers may keep the file for ever."""
    file = STATIC / path
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else "missing"


if __name__ == "__main__":
    try:
        copy_assets()
    except FileNotFoundError as error:
        sys.exit(str(error))
