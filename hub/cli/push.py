"""`plumbline push`: bring the numbers of a CSV file to a hub, for whoever has no connector for them."""

from __future__ import annotations

import csv
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

import click

from hub.core.errors import InvalidInputError, SettingError, UnavailableError

AT_ONCE = 1000
TIMEOUT_SECONDS = 60
TOKEN = "PLUMBLINE_TOKEN"  # noqa: S105  # the name of a variable
NUMBERS = ("value", "numerator", "denominator")
TEXTS = ("series", "period_start", "period_end", "note")
NAMED = ("series", "period_start")
NEEDED = (*NAMED, "value")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Row:
    """One observation and the line that it stands in."""

    line: int
    observation: dict[str, Any]


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--url", envvar="PLUMBLINE_URL", default="http://127.0.0.1:8080", show_default=True, help="The hub.")
@click.option("--define", "org_unit", metavar="ORG_UNIT", help="Make series that are not there yet, in this org unit.")
@click.option("--cadence", help="With --define: hourly to yearly, irregular, or such as PT5M.")
@click.option("--unit", default="", help="With --define: unit of measurement.")
@click.option("--latency", default="", help="With --define: how long after a period's end a value is promised.")
def command(file: IO[str], url: str, **new: str | None) -> None:
    """Push FILE (- = standard input), a CSV with the columns series, period_start and value.

    More columns are possible: period_end, numerator, denominator, note. `series` is an id or a key; an
    empty value withdraws the period's value. Pushing a file again adds nothing. The API token with the scope
    metrics.write is read from PLUMBLINE_TOKEN. Exit code 1: some lines were refused, each is printed with the remedy.
    """
    if (new["org_unit"] is None) != (new["cadence"] is None):
        raise click.UsageError("--define and --cadence go together.")
    name = getattr(file, "name", "standard input")
    rows = list(read_rows(file, name))
    pusher = Pusher(url, os.environ.get(TOKEN, ""), new if new["org_unit"] else None)
    created = unchanged = refused = 0
    with click.progressbar(length=len(rows), label="Pushing", file=sys.stderr) as bar:
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            told = pusher.push(part)
            created, unchanged = created + told["created"], unchanged + told["unchanged"]
            for one in told["refused"]:
                refused += 1
                line = part[one["index"]].line
                click.echo(f"{name}, line {line}, {one['field']}: {one['reason']}. {one['remedy']}", err=True)
            bar.update(len(part))
    click.echo(f"{created} new, {unchanged} known already, {refused} refused.")
    sys.exit(1 if refused else 0)


def read_rows(file: IO[str], name: str) -> Iterator[Row]:
    """Read the observations of a CSV; raises InvalidInputError, which names line, column and remedy."""
    reader = csv.DictReader(file, strict=True)
    try:
        _check_columns(name, reader.fieldnames or ())
        for cells in reader:
            yield Row(reader.line_num, _observation(name, reader.line_num, cells))
    except UnicodeDecodeError:
        raise InvalidInputError(f"{name} is not UTF-8. Save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise InvalidInputError(f"{name}, line {reader.line_num}: {error}. Correct the quoting there.") from None


def _check_columns(name: str, columns: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in columns]
    unknown = [name for name in columns if name not in (*TEXTS, *NUMBERS)]
    if missing or unknown:
        what = (
            f"has no column {missing[0]!r}" if missing else f"has the column {unknown[0]!r}, which means nothing here"
        )
        known = ", ".join((*TEXTS, *NUMBERS))
        raise InvalidInputError(f"{name} {what}: the first line names the columns, which may be {known}.")


def _observation(name: str, line: int, cells: dict[str | Any, str | Any]) -> dict[str, Any]:
    if None in cells or None in cells.values():
        raise InvalidInputError(f"{name}, line {line}: more or fewer cells than in the first line. Correct it.")
    found: dict[str, Any] = {"value": None}
    for column, cell in cells.items():
        text = cell.strip()
        if text and column in NUMBERS:
            found[column] = _number(text)
            if found[column] is None:
                remedy = "Write it with a decimal point and without separators of thousands."
                raise InvalidInputError(f"{name}, line {line}, {column}: {text!r} is no number. {remedy}")
        elif text:
            found[column] = text
        elif column in NAMED:
            raise InvalidInputError(f"{name}, line {line}, {column}: the cell is empty. Fill it in.")
    return found


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class Pusher:
    """A signed-in caller of one hub."""

    def __init__(self, url: str, token: str, define: Mapping[str, str | None] | None) -> None:
        import requests

        place = urlsplit(url)
        if place.scheme != "https" and place.hostname not in LOOPBACK:
            raise SettingError(f"{url} would carry the token unprotected: give an https address with --url.")
        if not token:
            raise SettingError(
                f"{TOKEN} is empty: make an API token with the scope metrics.write on your profile page, and set it."
            )
        self._address = f"{url.rstrip('/')}/api/v1/observations:batch"
        self._define = define
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.verify = os.environ.get("PLUMBLINE_CA_BUNDLE") or True

    def push(self, rows: list[Row]) -> dict[str, Any]:
        """Push some rows. After a lost reply they may be pushed again: the ledger takes each version once."""
        import orjson
        import requests

        body = orjson.dumps({"observations": [row.observation for row in rows], "define": self._define})
        headers = {"Content-Type": "application/json"}
        try:
            reply = self._session.post(self._address, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise UnavailableError(f"{self._address} cannot be reached: {error}. Push again later.") from None
        if reply.status_code != requests.codes.ok:
            raise UnavailableError(f"{self._address} answered {reply.status_code}: {_detail(reply)}")
        told: dict[str, Any] = reply.json()
        return told


def _detail(reply: Any) -> str:  # noqa: ANN401  # a requests.Response, imported late
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return "this is not Plumbline's answer; check --url"
