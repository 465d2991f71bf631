"""The site on disk: one line per new version of a thing, so that a restarted sandbox knows what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel


class Journal:
    """Appends lines `[kind, id, content]`; the last line of an id wins, null content means deleted."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def replay(self) -> Iterator[tuple[str, int, dict[str, Any] | None]]:
        """Yield what was written, in order; a line cut short by a kill is the last one and never counted."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_text().splitlines():
            if line.endswith("]"):
                kind, number, content = json.loads(line)
                yield kind, number, content

    def write(self, kind: str, number: int, value: BaseModel | None) -> None:
        """Append one version; it has left this process when the call returns."""
        if self._path is None:
            return
        content = "null" if value is None else value.model_dump_json()
        with self._path.open("a") as file:
            file.write(f'["{kind}",{number},{content}]\n')
