"""How long the audit trail takes to write, seal and verify (R31: 1,000,000 rows verify within 60 s).

python bench/bench_audit_verify.py [ROWS]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select

from hub.audit import verify_trail
from hub.audit.jobs import take_checkpoint
from hub.audit.models import AuditEntry, AuditPending
from hub.audit.service import SigningKey, export_trail, record
from hub.core.database import Base, Database
from hub.core.ids import new_public_id
from hub.core.sealing import Sealer
from hub.settings import Settings

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
AT_ONCE = 50_000
RECORDED = 1_000


@contextmanager
def measured(what: str, rows: int) -> Iterator[None]:
    """Print how long a step took."""
    began, busy = time.perf_counter(), cpu_seconds()
    yield
    seconds = time.perf_counter() - began
    print(
        f"{what:<34}{seconds:8.1f} s  {cpu_seconds() - busy:8.1f} s of CPU  {rows / seconds:12,.0f} rows/s", flush=True
    )


def cpu_seconds() -> float:
    """Give what this process and those it has waited for have used: the figure that other work does not disturb."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def fill(database: Database, now: datetime) -> None:
    """Add rows as `record` does, many at once."""
    for start in range(0, ROWS, AT_ONCE):
        rows = [
            {
                "public_id": new_public_id("aud"),
                "at": now + timedelta(milliseconds=start + number),
                "action": "target.changed",
                "subject_kind": "target",
                "subject_id": f"tgt_{number}",
                "done_by": "per_0193c0f2a1b87c3e9d2f4b6a8c0e1d3f",
                "detail": verify_trail.canonical({"from": number, "to": number + 1, "reason": "a usual reason"}),
            }
            for number in range(min(AT_ONCE, ROWS - start))
        ]
        with database.write() as session:
            session.execute(insert(AuditEntry), rows)
            new = select(AuditEntry.id).where(AuditEntry.public_id >= rows[0]["public_id"])
            session.execute(insert(AuditPending).from_select(["entry_id"], new))


def main() -> None:
    """Measure on a SQLite database in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings(home=home, audit_checkpoint_path=home / "outside")
        database = Database(f"sqlite:///{home / 'plumbline.db'}")
        Base.metadata.create_all(database.engine)
        with measured("record, in one transaction", RECORDED), database.write() as session:
            for number in range(RECORDED):
                record(session, action="a.done", subject=("a", "b"), by="system:bench", detail={"number": number})
        now = datetime.now(UTC)
        fill(database, now)
        with measured("seal and sign", ROWS):
            take_checkpoint(settings, write=database.write, read=database.read, clock=lambda: now + timedelta(hours=1))
        with database.read() as session:
            key = SigningKey.find(session, Sealer.from_settings(settings))
        if key is None:
            raise SystemExit("no signing key")
        run = [sys.executable, "-I", "-S", verify_trail.__file__, "--public-key", key.public.hex()]
        run += ["--checkpoints", str(home / "outside" / "checkpoints.jsonl")]
        with measured("verify the SQLite file, alone", ROWS):
            subprocess.run([*run, str(home / "plumbline.db")], check=True)
        with measured("export", ROWS), database.read() as session:
            export_trail(session, home / "export", key, now=now)
        with measured("verify the export, alone", ROWS):
            subprocess.run([*run, str(home / "export")], check=True)
        print(f"most memory of a verifier: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
