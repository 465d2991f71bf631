"""Verify Plumbline's audit trail with the public key alone. This one file needs Python 3.11 and nothing else.

    python verify_trail.py TRAIL --public-key KEY [--checkpoints FILE] [--accept-restore NUMBER] [--json]

TRAIL is a folder written by `plumbline trail export`, or a SQLite database of Plumbline. KEY is the key (64 hex
digits) that was noted when Plumbline was set up, or a file that holds it. FILE is the copy of `checkpoints.jsonl` in
the place outside: without it, somebody who holds the database and its keys could have rewritten everything.

What is checked. Every entry has a place in a chain: the digest of a place covers the entry and the place before it.
A checkpoint states number, time and digest of the last place, with eight digits of the digest of every place since
the checkpoint before, and is signed (Ed25519, RFC 8032); its copy outside cannot be changed by who holds the
database. Names and addresses can be erased: the entry keeps a salted SHA-256 of them, and each erasure is an entry.

What no chain can show: what was never entered, and what was taken away in the seconds before it was sealed.

Exit code: 0 the trail is sound, 1 it is not (the first bad row is named first), 2 the input cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = 1
START = "0" * 64
"""Digest before the first place of the chain."""
MARK = 8
"""Digits of a digest that a checkpoint repeats for every place: enough to find the first that differs."""
ERASED = "audit.personal-erased"
"""Action of the entry that lists whose personal parts were erased."""
TOLERANCE = timedelta(minutes=10)
"""Entries are sealed in the order of their commits: a long transaction may be this late before its clock is doubted."""
SHOWN = 5
"""Problems of one kind that a report spells out; the others are counted."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


# --- what is hashed and signed ------------------------------------------------------------------------------------


def canonical(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """Write JSON in the one form that is hashed and signed."""
    return _encode(value)


def sha256(text: str) -> str:
    """Give the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def commit(salt: str, value: str) -> str:
    """Commit to the personal part of an entry without showing it."""
    return sha256(f"{salt}:{value}")


class Row(NamedTuple):
    """An entry with its place in the chain; without a place while it waits to be sealed."""

    position: int | None
    digest: str | None
    id: str | None
    """None where the chain has a place and the entry is gone."""
    at: str
    action: str
    subject_kind: str | None
    subject_id: str | None
    done_by: str
    detail: str
    commitment: str | None
    salt: str | None
    value: str | None


def link(previous: str, position: int, row: Row) -> str:
    """Give the digest of a place of the chain: of the one before, the number, and the entry as a JSON list."""
    entry = (row.id, row.at, row.action, row.subject_kind, row.subject_id, row.done_by, row.detail, row.commitment)
    # what json.dumps writes for a list of texts, in a third of the time: a trail has millions of them
    text = ",".join(["null" if one is None else encode_basestring_ascii(one) for one in entry])
    return sha256(f"{previous}:{position}:{sha256(f'[{text}]')}")


# --- Ed25519, verification only (RFC 8032, section 5.1) -----------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_COMPRESSED = 32
_Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, x * y = T/Z."""


def _add(one: _Point, two: _Point) -> _Point:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % _P, (one[1] + one[0]) * (two[1] + two[0]) % _P
    c, d = 2 * one[3] * two[3] * _D % _P, 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(factor: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _compress(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(_COMPRESSED, "little")


def _decompress(encoded: bytes) -> _Point | None:
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (not x and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE_POINT = _decompress((4 * pow(5, -1, _P) % _P).to_bytes(_COMPRESSED, "little"))


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether the key has signed this message."""
    if len(public_key) != _COMPRESSED or len(signature) != 2 * _COMPRESSED or _BASE_POINT is None:
        return False
    key = _decompress(public_key)
    half, factor = signature[:_COMPRESSED], int.from_bytes(signature[_COMPRESSED:], "little")
    if key is None or factor >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(half + public_key + message).digest(), "little") % _L
    minus_key = (_P - key[0], key[1], key[2], _P - key[3])
    return _compress(_add(_multiply(factor, _BASE_POINT), _multiply(challenge, minus_key))) == half


def key_id(public_key: bytes) -> str:
    """Name a public key in a checkpoint."""
    return hashlib.sha256(public_key).hexdigest()[:16]


# --- checkpoints --------------------------------------------------------------------------------------------------


class Signed(NamedTuple):
    """A signed text, as stored."""

    body: str
    signature: str


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint states."""

    number: int
    at: str
    position: int
    digest: str
    previous: str
    """SHA-256 of the text of the checkpoint before."""
    marks: str
    key: str
    resumes: dict[str, Any] | None
    """After a restore: the position it went back to, and the reason that was given."""
    text: Signed

    @classmethod
    def read(cls, signed: Signed) -> Checkpoint:
        """Read a checkpoint's text."""
        said = json.loads(signed.body)
        names = ("number", "at", "position", "digest", "previous", "marks", "key", "resumes")
        return cls(**{name: said[name] for name in names}, text=signed)

    @property
    def first(self) -> int:
        """Give the first place whose mark it states."""
        return self.position - len(self.marks) // MARK + 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, at one place of the chain where it has one."""

    kind: str
    position: int | None
    text: str


@dataclass
class Report:
    """What a verification found."""

    entries: int = 0
    waiting: int = 0
    erased: int = 0
    checkpoints: int = 0
    outside: int | None = None
    last_checkpoint: str | None = None
    first: Problem | None = None
    """The problem at the first bad row."""
    problems: list[Problem] = field(default_factory=list)
    further: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.problems

    def add(self, kind: str, position: int | None, text: str) -> None:
        """Take down a problem."""
        found = Problem(kind, position, text)
        if self.first is None or _rank(found) < _rank(self.first):
            self.first = found
        if sum(one.kind == kind for one in self.problems) < SHOWN:
            self.problems.append(found)
        else:
            self.further += 1


def _rank(problem: Problem) -> float:
    return float("inf") if problem.position is None else problem.position


def _read_all(texts: Iterable[Signed], where: str, report: Report) -> list[Checkpoint]:
    found: dict[int, Checkpoint] = {}
    for text in texts:
        try:
            one = Checkpoint.read(text)
        except (ValueError, KeyError, TypeError):
            report.add("checkpoint", None, f"a checkpoint {where} cannot be read")
            continue
        if one.number in found and found[one.number].text != text:
            report.add("checkpoint", one.position, f"checkpoint {one.number} {where} is there twice, differently")
        found.setdefault(one.number, one)
    return [found[number] for number in sorted(found)]


def _check_signatures(
    checkpoints: Sequence[Checkpoint], keys: dict[str, bytes], report: Report, *, where: str
) -> list[Checkpoint]:
    """Keep the checkpoints that the key vouches for: the newest by its signature, each older one by the next one."""
    kept: list[Checkpoint] = []
    follower: Checkpoint | None = None
    for one in reversed(checkpoints):
        vouched = follower is not None and follower.number == one.number + 1
        if vouched and follower is not None and follower.previous != sha256(one.text.body):
            report.add("checkpoint", one.position, f"checkpoint {one.number} {where} is not what the next one follows")
            continue
        if not vouched and follower is not None and follower.resumes is None:
            report.add("checkpoint", one.position, f"after checkpoint {one.number} {where} some are missing")
        if not vouched and not _is_signed(one, keys):
            report.add("checkpoint", one.position, f"checkpoint {one.number} {where} does not bear the key's signature")
            continue
        kept.append(one)
        follower = one
    if kept and kept[-1].number != 1:
        report.add("checkpoint", None, f"the first checkpoints {where} are missing: they begin with {kept[-1].number}")
    return kept[::-1]


def _is_signed(one: Checkpoint, keys: dict[str, bytes]) -> bool:
    key = keys.get(one.key)
    try:
        return key is not None and signature_holds(key, one.text.body.encode(), bytes.fromhex(one.text.signature))
    except ValueError:
        return False


def _combine(inside: list[Checkpoint], outside: list[Checkpoint] | None, report: Report) -> list[Checkpoint]:
    """Put the checkpoints to believe in order; what is outside counts more than what is beside the trail."""
    trusted = {one.number: one for one in inside}
    for one in outside or []:
        twin = trusted.get(one.number)
        if twin is not None and twin.text.body != one.text.body:
            report.add("checkpoint", None, f"checkpoint {one.number} differs from its copy outside")
        trusted[one.number] = one
    newest = inside[-1].number if inside else 0
    if outside and newest < outside[-1].number:
        last = outside[-1]
        report.add(
            "older",
            None,
            f"the trail is older than its copy outside: there is checkpoint {last.number} of {last.at}, here the last "
            f"is {newest}",
        )
    return [trusted[number] for number in sorted(trusted)]


# --- the walk -----------------------------------------------------------------------------------------------------


class Marks:
    """What the checkpoints say about each place, asked in rising order of places."""

    def __init__(self, checkpoints: Sequence[Checkpoint]) -> None:
        self._parts: list[tuple[int, str]] = []
        for one in checkpoints:
            if one.resumes is not None:
                self._cut(one.resumes["position"])
            self._parts.append((one.first, one.marks))
        self._index = 0

    def at(self, position: int) -> str | None:
        """Give the first digits of the digest at this place, where a checkpoint states them."""
        while self._index < len(self._parts):
            first, marks = self._parts[self._index]
            start = (position - first) * MARK
            if start < len(marks):
                return marks[start : start + MARK] if start >= 0 else None
            self._index += 1
        return None

    def _cut(self, last: int) -> None:
        self._parts = [
            (first, marks[: (last - first + 1) * MARK]) for first, marks in self._parts if first <= last and marks
        ]


class Walk:
    """One pass over the chain."""

    def __init__(self, checkpoints: Sequence[Checkpoint], report: Report) -> None:
        self._report = report
        self._checkpoints = _not_superseded(checkpoints)
        self._marks = Marks(checkpoints)
        self._reached = 0
        self._digest = START
        self._digests = {0: START}
        self._wanted = {one.position for one in self._checkpoints}
        self._seen: set[str] = set()
        self._latest = ""
        # what was signed at one moment was sealed before it: only the last of several checkpoints is a border in time
        ends = {one.at: one.position for one in self._checkpoints}
        self._times = deque(sorted((position, at) for at, position in ends.items()))
        self._without_personal: dict[str, int] = {}
        self._erasures: set[str] = set()

    def take(self, row: Row) -> None:
        """Check one row; rows come by place, those without one last."""
        if row.position is None:
            self._take_waiting(row)
            return
        self._check_place(row, row.position)
        if row.id is not None:
            self._report.entries += 1
            self._check_entry(row, row.id, row.position)
        self._reached, self._digest = row.position, row.digest or ""
        if row.position in self._wanted:
            self._digests[row.position] = self._digest

    def end(self) -> None:
        """Check what can be said only after the last row."""
        for one in self._checkpoints:
            self._check_end(one)
        for entry, position in self._without_personal.items():
            self._report.erased += 1
            if entry not in self._erasures:
                text = f"the personal part of {entry} is gone, and no entry says that it was erased"
                self._report.add("personal", position, text)

    def _check_place(self, row: Row, position: int) -> None:
        expected = self._reached + 1
        if position > expected:
            self._report.add("deleted", expected, f"places {expected} to {position - 1} are missing before {row.id}")
        elif position < expected:
            self._report.add("duplicate", position, f"place {position} is there twice")
        if row.id is None:
            self._report.add("deleted", position, f"the entry at place {position} is gone")
            return
        mark = self._marks.at(position)
        if position == expected and row.digest != link(self._digest, position, row):
            self._report.add("changed", position, f"entry {row.id} at place {position} is not what was sealed there")
        elif mark is not None and not (row.digest or "").startswith(mark):
            text = f"entry {row.id} at place {position} is not what the signed checkpoint saw there"
            self._report.add("rewritten", position, text)

    def _check_entry(self, row: Row, entry: str, position: int) -> None:
        if entry in self._seen:
            self._report.add("duplicate", position, f"entry {entry} is there twice")
        self._seen.add(entry)
        self._check_clock(row, entry, position)
        if row.value is not None and row.commitment != commit(row.salt or "", row.value):
            self._report.add("personal", position, f"the personal part of {entry} is not the one that was sealed")
        elif row.value is None and row.commitment is not None:
            self._without_personal[entry] = position
        if row.action == ERASED:
            self._erasures.update(json.loads(row.detail).get("entries", ()))

    def _check_clock(self, row: Row, entry: str, position: int) -> None:
        while self._times and self._times[0][0] < position:
            self._latest = max(self._latest, self._times.popleft()[1])
        if row.at < self._latest and _parse(row.at) < _parse(self._latest) - TOLERANCE:
            text = (
                f"entry {entry} says {row.at}, and what was sealed before it says {self._latest}: the clock went back"
            )
            self._report.add("clock", position, text)
        self._latest = max(self._latest, row.at)
        if self._times and row.at > self._times[0][1] and _parse(row.at) > _parse(self._times[0][1]) + TOLERANCE:
            text = f"entry {entry} says {row.at}, later than the checkpoint of {self._times[0][1]} that covers it"
            self._report.add("clock", position, text)

    def _check_end(self, one: Checkpoint) -> None:
        if one.position > self._reached:
            missing = self._reached + 1
            text = f"places {missing} to {one.position} are missing: checkpoint {one.number} of {one.at} saw them"
            self._report.add("truncated", missing, text)
        elif self._digests.get(one.position) != one.digest:
            text = f"the chain up to place {one.position} is not the one that checkpoint {one.number} signed"
            self._report.add("rewritten", one.position, text)

    def _take_waiting(self, row: Row) -> None:
        last = self._checkpoints[-1].at if self._checkpoints else None
        if last is not None and _parse(row.at) < _parse(last) - TOLERANCE:
            text = f"entry {row.id} of {row.at} has no place in the chain, and checkpoints of {last} do not know it"
            self._report.add("inserted", None, text)
        elif row.id in self._seen:
            self._report.add("duplicate", None, f"entry {row.id} is there twice")
        else:
            self._report.waiting += 1


def _not_superseded(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    live: list[Checkpoint] = []
    for one in checkpoints:
        if one.resumes is not None:
            position = one.resumes["position"]
            live = [earlier for earlier in live if earlier.position <= position]
        live.append(one)
    return live


def _parse(at: str) -> datetime:
    return datetime.fromisoformat(at)


def verify(
    rows: Iterable[Row],
    inside: Iterable[Signed],
    *,
    public_keys: Sequence[bytes],
    outside: Iterable[Signed] | None = None,
    accepted_restores: Sequence[int] = (),
) -> Report:
    """Check a trail: rows by place with those that wait last, checkpoints beside it, and their copies outside."""
    report = Report()
    keys = {key_id(key): key for key in public_keys}
    own = _check_signatures(_read_all(inside, "beside the trail", report), keys, report, where="beside the trail")
    others = None
    if outside is None:
        report.notes.append("no checkpoints from outside: who holds the database and its keys could have rewritten it")
    else:
        others = _check_signatures(_read_all(outside, "outside", report), keys, report, where="outside")
        report.outside = len(others)
    checkpoints = _combine(own, others, report)
    report.checkpoints = len(own)
    report.last_checkpoint = checkpoints[-1].at if checkpoints else None
    if keys and not checkpoints and report.sound:  # the key is made with the first checkpoint
        report.add("checkpoint", None, "there is a key and no checkpoint that it signed: nothing vouches for the trail")
    _check_restores(checkpoints, accepted_restores, report)
    walk = Walk(checkpoints, report)
    for row in rows:
        walk.take(row)
    walk.end()
    return report


def _check_restores(checkpoints: Sequence[Checkpoint], accepted: Sequence[int], report: Report) -> None:
    for one in checkpoints:
        if one.resumes is None:
            continue
        position = one.resumes["position"]
        text = f"before checkpoint {one.number} an older database was restored, up to place {position}: " + str(
            one.resumes["reason"]
        )
        if one.number in accepted:
            report.notes.append(text)
        else:
            report.add("restored", position + 1, f"{text} (accept it with --accept-restore {one.number})")


# --- where a trail is read from -----------------------------------------------------------------------------------


def read_signed(path: Path) -> list[Signed]:
    """Read a file of checkpoints."""
    with path.open(encoding="utf-8") as lines:
        return [Signed(one["body"], one["signature"]) for one in map(_checkpoint_line, lines) if one]


def _checkpoint_line(line: str) -> dict[str, str]:
    try:
        one: dict[str, str] = json.loads(line)
    except ValueError:
        return {}  # torn by a power cut: it was written again, else its number is missing
    return one


def read_rows(path: Path) -> Iterator[Row]:
    """Read the entries of an export."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Row(**json.loads(line))


ROWS = """
SELECT l.position, l.digest, e.public_id, e.at, e.action, e.subject_kind, e.subject_id, e.done_by, e.detail,
       e.commitment, p.salt, p.value
FROM audit_link l LEFT JOIN audit_entry e ON e.id = l.entry_id LEFT JOIN audit_personal p ON p.entry_id = e.id
ORDER BY l.position
"""
WAITING = """
SELECT NULL, NULL, e.public_id, e.at, e.action, e.subject_kind, e.subject_id, e.done_by, e.detail,
       e.commitment, p.salt, p.value
FROM audit_entry e LEFT JOIN audit_link l ON l.entry_id = e.id LEFT JOIN audit_personal p ON p.entry_id = e.id
WHERE l.entry_id IS NULL ORDER BY e.id
"""
CHECKPOINTS = "SELECT body, signature FROM audit_checkpoint ORDER BY number"


def instant_text(at: datetime) -> str:
    """Write an instant in the one form that is hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def micros_text(micros: int) -> str:
    """Write microseconds since 1970 in the same form."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:06}+00:00"


def _from_micros(row: Sequence[Any]) -> Row:
    at = micros_text(row[3]) if row[3] is not None else ""
    return Row._make((*row[:3], at, *row[4:]))


def _verify_database(path: Path, options: dict[str, Any]) -> Report:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        database.execute("BEGIN")  # one consistent state, also while Plumbline runs
        inside = [Signed(*row) for row in database.execute(CHECKPOINTS)]
        rows = (_from_micros(row) for query in (ROWS, WAITING) for row in database.execute(query))
        return verify(rows, inside, **options)


def _verify_export(folder: Path, options: dict[str, Any]) -> Report:
    manifest = Signed(
        (folder / "manifest.json").read_text(encoding="utf-8"),
        (folder / "manifest.sig").read_text(encoding="ascii").strip(),
    )
    said = json.loads(manifest.body)
    report = verify(read_rows(folder / "entries.jsonl"), read_signed(folder / "checkpoints.jsonl"), **options)
    keys = options["public_keys"]
    signature = bytes.fromhex(manifest.signature)
    if not any(signature_holds(key, manifest.body.encode(), signature) for key in keys):
        report.add("manifest", None, "manifest.json does not bear the key's signature")
    for name, digest in said["files"].items():
        if _file_digest(folder / name) != digest:
            report.add("manifest", None, f"{name} is not the file that was exported")
    if sum(said["actions"].values()) != report.entries + report.waiting:
        total = sum(said["actions"].values())
        report.add("manifest", None, f"the manifest counts {total} entries, here are {report.entries}")
    return report


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- command line -------------------------------------------------------------------------------------------------


def read_key(text: str) -> bytes:
    """Read a public key: 64 hex digits, or a file that holds them."""
    path = Path(text)
    content = path.read_text(encoding="ascii") if path.is_file() else text
    key = bytes.fromhex(content.strip())
    if len(key) != _COMPRESSED:
        raise ValueError("a public key has 64 hex digits")
    return key


def write_report(report: Report) -> str:
    """Write a report for people."""
    lines = [f"{report.entries} entries sealed, {report.waiting} waiting, personal parts erased: {report.erased}"]
    lines.append(f"{report.checkpoints} checkpoints beside the trail, {report.outside or 0} outside")
    lines += [f"note: {note}" for note in report.notes]
    if report.first is None:
        lines.append("The trail is sound.")
        return "\n".join(lines)
    lines.append(f"THE TRAIL IS NOT SOUND. First bad row: {report.first.text}")
    lines += [f"  {one.kind}: {one.text}" for one in report.problems]
    lines += [f"  ... and {report.further} more"] if report.further else []
    return "\n".join(lines)


def report_as_json(report: Report) -> str:
    """Write a report for programs."""
    return json.dumps({"sound": report.sound, **asdict(report)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify what the command line names; give the exit code."""
    parser = argparse.ArgumentParser(description="Verify Plumbline's audit trail.")
    parser.add_argument("trail", type=Path, help="folder of an export, or a SQLite database")
    parser.add_argument("--public-key", action="append", required=True, help="64 hex digits, or a file that holds them")
    parser.add_argument("--checkpoints", type=Path, help="checkpoints.jsonl from the place outside")
    parser.add_argument("--accept-restore", type=int, action="append", default=[], metavar="NUMBER")
    parser.add_argument("--json", action="store_true", help="write the report as JSON")
    given = parser.parse_args(arguments)
    try:
        options = {
            "public_keys": [read_key(text) for text in given.public_key],
            "outside": read_signed(given.checkpoints) if given.checkpoints else None,
            "accepted_restores": given.accept_restore,
        }
        read = _verify_export if given.trail.is_dir() else _verify_database
        report = read(given.trail, options)
    except (OSError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
        sys.stderr.write(f"this trail cannot be read: {error}\n")
        return 2
    text = report_as_json(report) if given.json else write_report(report)
    sys.stdout.write(text + "\n")
    return 0 if report.sound else 1


if __name__ == "__main__":
    sys.exit(main())
