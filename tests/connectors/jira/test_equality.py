"""However often a read is killed, and whatever happens meanwhile, it ends where a clean full read ends (R11)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from connectors.jira import JiraConnector, api, source
from connectors.jira.sandbox import PERSON, Site
from connectors.sdk.protocol import Checkpoint, Cursor, Record
from tests.connectors.jira.conftest import Connect
from tests.factories import SettableClock

ISSUES = source.STREAMS[0]
LAGS = (0, 1, 60, 599, 1800, 3600)
"""Seconds by which the search index is behind, up to an hour."""


@dataclass
class Store:
    """Keeps what was read as the hub does: records and cursor together, or neither."""

    kept: dict[str, str] = field(default_factory=dict)
    cursor: Cursor | None = None
    yielded: int = 0
    states: set[tuple[str, str | None]] = field(default_factory=set)

    def read(self, jira: JiraConnector, kill: Callable[[], bool], meanwhile: Callable[[], None]) -> bool:
        """Read until killed, which is in the middle of a page; say whether the end was reached."""
        page: list[Record] = []
        for entry in jira.read(ISSUES, self.cursor):
            if isinstance(entry, Record):
                page.append(entry)
                self.yielded += 1
                self.states.add((entry.key, entry.version))
                if len(page) == api.PAGE // 2 and kill():
                    return False
            elif isinstance(entry, Checkpoint):
                self.put(page)
                self.cursor, page = entry.cursor, []
                meanwhile()
        return True

    def put(self, records: list[Record]) -> None:
        for record in records:
            self.kept.pop(record.key, None)
            if not record.deleted:
                self.kept[record.key] = record.model_dump_json()

    def look_for_gone(self, jira: JiraConnector) -> None:
        """Compare with the census, as the hub does."""
        there = set(jira.keys(ISSUES))
        self.put(list(jira.fetch(ISSUES, sorted(there ^ set(self.kept)))))


@dataclass
class Busy:
    """People at work on a site: they make, edit, delete and move issues, under an index that lags."""

    site: Site
    clock: SettableClock
    chance: random.Random

    def make(self, count: int) -> None:
        for number in range(count):
            fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": f"Issue {number}"}
            self.site.create(fields, {}, by=PERSON)
            self.clock.advance(seconds=self.chance.choice((0, 0.5, 7, 61)))

    def __call__(self) -> None:
        for act in self.chance.sample((self._edit, self._delete, self._move, self._create), 2):
            self.site.switches.search_lag = timedelta(seconds=self.chance.choice(LAGS))
            act()
            self.clock.advance(seconds=self.chance.choice((1, 30, 400)))

    def _some(self) -> str:
        return str(self.chance.choice(list(self.site.issues)))

    def _edit(self) -> None:
        issue = self.site.issue(self._some())
        self.site.edit(issue, {"summary": f"Edited at {self.clock().isoformat()}"}, {}, by=PERSON)

    def _delete(self) -> None:
        self.site.delete(self.site.issue(self._some()), by=PERSON)

    def _move(self) -> None:
        issue = self.site.issue(self._some())
        self.site.move(issue, "KPI" if issue.project == "OPS" else "OPS", by=PERSON)

    def _create(self) -> None:
        self.make(1)


def settle(site: Site, clock: SettableClock) -> None:
    site.switches.search_lag = timedelta(0)
    clock.advance(seconds=max(LAGS) + 1)


def compare(connect: Connect, site: Site, clock: SettableClock, *, issues: int, seed: int) -> tuple[int, Store]:
    """Read with a kill in each page while people work; afterwards once in peace, and once more from the start."""
    chance = random.Random(seed)
    busy = Busy(site, clock, chance)
    busy.make(issues)
    scope = {"projects": ["OPS"], "tickets": None}
    store, kills, resumed = Store(), 0, set[str]()

    def kill() -> bool:
        place = repr(store.cursor)
        return place not in resumed and not resumed.add(place)  # type: ignore[func-returns-value]  # once at each place

    while not store.read(connect(**scope), kill, busy):
        kills += 1
    settle(site, clock)
    store.read(connect(**scope), lambda: False, lambda: None)
    store.look_for_gone(connect(**scope))
    clean = Store()
    clean.read(connect(**scope), lambda: False, lambda: None)
    assert store.kept == clean.kept
    assert set(clean.kept) == {str(issue.id) for issue in site.issues.values() if issue.project == "OPS"}
    return kills, store


def reread(store: Store) -> int:
    return store.yielded - len(store.states)


@pytest.mark.parametrize("sandbox", ["cloud", "data_center"], indirect=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_read_killed_in_each_page_while_people_work_ends_like_a_clean_one(
    connect: Connect, site: Site, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(api, "PAGE", 5)
    kills, store = compare(connect, site, clock, issues=40, seed=seed)
    assert kills >= 8
    assert reread(store) <= kills * api.PAGE


def test_the_comparison_fails_where_reading_goes_on_from_the_newest_update(
    connect: Connect, site: Site, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake that readers of Jira make; a comparison that does not see it proves nothing."""
    monkeypatch.setattr(api, "PAGE", 5)
    monkeypatch.setattr("connectors.jira.progress.OVERLAP", timedelta(0))
    with pytest.raises(AssertionError):
        compare(connect, site, clock, issues=40, seed=1)


@pytest.mark.full
def test_ten_thousand_issues_killed_in_each_page(connect: Connect, site: Site, clock: SettableClock) -> None:
    kills, store = compare(connect, site, clock, issues=10_000, seed=3)
    assert kills >= 100
    assert reread(store) <= kills * api.PAGE
