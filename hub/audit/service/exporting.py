"""Write the trail into a folder that verifies offline: entries, checkpoints, totals, signature and the verifier."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.audit import verify_trail as verifier
from hub.audit.service.checkpoints import SigningKey
from hub.audit.service.outside import FILE, KEY_FILE
from hub.audit.service.verification import read_checkpoints, read_rows
from hub.audit.verify_trail import FORMAT, canonical, instant_text
from hub.core.database import Base

ENTRIES = "entries.jsonl"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"


def export_trail(session: Session, folder: Path, key: SigningKey, *, now: datetime) -> Counter[str]:
    """Write the trail as this session sees it into an empty folder; give the number of entries of each action."""
    folder.mkdir(parents=True, exist_ok=True)
    actions = _write_entries(session, folder / ENTRIES)
    checkpoints = "".join(canonical(one._asdict()) + "\n" for one in read_checkpoints(session))
    (folder / FILE).write_text(checkpoints, encoding="utf-8")
    (folder / KEY_FILE).write_text(key.public.hex() + "\n", encoding="ascii")
    source = Path(verifier.__file__)
    (folder / source.name).write_bytes(source.read_bytes())
    manifest = canonical(
        {
            "format": FORMAT,
            "made_at": instant_text(now),
            "actions": actions,
            "tables": _count_rows(session),
            "files": {name: _digest(folder / name) for name in (ENTRIES, FILE, KEY_FILE, source.name)},
        }
    )
    (folder / MANIFEST).write_text(manifest, encoding="utf-8")
    (folder / SIGNATURE).write_text(key.sign(manifest) + "\n", encoding="ascii")
    return actions


def _write_entries(session: Session, path: Path) -> Counter[str]:
    actions: Counter[str] = Counter()
    with path.open("w", encoding="utf-8") as file:
        for row in read_rows(session):
            file.write(canonical(row._asdict()) + "\n")
            actions.update([row.action] if row.id else [])
    return actions


def _count_rows(session: Session) -> dict[str, int]:
    # totals of every table, so that a later export of one of them cannot quietly hold less
    tables = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
    return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
