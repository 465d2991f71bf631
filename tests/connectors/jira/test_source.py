"""Issues as a stream: nothing is lost while the site is edited, lags, moves and deletes (R11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.jira import JiraConnector, api, source
from connectors.jira.sandbox import PERSON, Site
from connectors.jira.sandbox.model import Issue
from connectors.sdk.errors import AuthError, ConfigError, RecordError
from connectors.sdk.protocol import Checkpoint, Cursor, Record, Rejected, Stream, TicketDraft
from tests.connectors.jira.conftest import Connect
from tests.factories import SettableClock

BOTH = pytest.mark.parametrize("sandbox", ["cloud", "data_center"], indirect=True)
ISSUES = source.STREAMS[0]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 5)
    monkeypatch.setattr(api, "KEYS_PAGE", 5)


def make(site: Site, count: int, clock: SettableClock, *, seconds: float = 61, project: str = "OPS") -> list[Issue]:
    made = []
    for _ in range(count):
        fields = {"project": {"key": project}, "issuetype": {"name": "Task"}, "summary": "Issue"}
        made.append(site.create(fields, {}, by=PERSON))
        clock.advance(seconds=seconds)
    return made


def records(entries: Iterator[Any] | list[Any]) -> list[Record]:
    return [entry for entry in entries if isinstance(entry, Record)]


def end(entries: list[Any]) -> Cursor:
    return [entry for entry in entries if isinstance(entry, Checkpoint)][-1].cursor


def summaries(entries: list[Any]) -> dict[str, object]:
    """Play a read as the hub does: the last version of each key counts."""
    return {record.key: record.data["fields"]["summary"] for record in records(entries)}  # type: ignore[index,call-overload]  # a JSON object, as the schema says


def truth(site: Site) -> dict[str, object]:
    return {str(issue.id): issue.summary for issue in site.issues.values()}


@BOTH
def test_a_first_read_yields_everything_oldest_first_with_a_checkpoint_after_each_page(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    made = make(site, 12, clock)
    entries = list(jira.read(ISSUES, None))
    assert [record.key for record in records(entries)] == [str(issue.id) for issue in made]
    assert isinstance(entries[-1], Checkpoint)
    assert sum(isinstance(entry, Checkpoint) for entry in entries) >= 3


@BOTH
def test_a_later_read_yields_what_changed_although_it_asks_for_the_overlap_again(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    made = make(site, 30, clock)
    cursor = end(list(jira.read(ISSUES, None)))
    clock.advance(hours=1)
    site.edit(made[0], {"summary": "Changed"}, {}, by=PERSON)
    assert summaries(list(jira.read(ISSUES, cursor))) == {str(made[0].id): "Changed"}


@BOTH
def test_when_nothing_changed_nothing_is_yielded_but_the_place_reached(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    make(site, 30, clock)
    cursor = end(list(jira.read(ISSUES, None)))
    assert records(jira.read(ISSUES, cursor)) == []


def test_a_cursor_of_an_older_version_goes_back_by_the_overlap(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    made = make(site, 3, clock, seconds=7200)
    cursor: Cursor = {"updated": int(made[1].updated.timestamp() * 1000)}
    assert [record.key for record in records(jira.read(ISSUES, cursor))] == [str(issue.id) for issue in made[1:]]


@BOTH
def test_nothing_is_stepped_over_when_issues_are_edited_between_two_pages(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    make(site, 23, clock)
    entries: list[Any] = []
    edits = iter(list(site.issues))
    for entry in jira.read(ISSUES, None):
        entries.append(entry)
        if isinstance(entry, Checkpoint) and (number := next(edits, None)) is not None and len(entries) < 40:
            site.edit(site.issues[number], {"summary": f"Edited after {len(entries)}"}, {}, by=PERSON)
            clock.advance(seconds=61)
    assert set(summaries(entries)) == set(truth(site))
    assert summaries([*entries, *jira.read(ISSUES, end(entries))]) == truth(site)


@BOTH
def test_a_page_full_of_issues_changed_at_one_instant_does_not_stop_the_read(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    make(site, 3, clock)
    make(site, 17, clock, seconds=0)
    make(site, 3, clock)
    assert summaries(list(jira.read(ISSUES, None))) == truth(site)


@BOTH
def test_a_site_that_ignores_the_lower_bound_is_read_to_its_end(
    jira: JiraConnector, site: Site, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a Data Center fake by others does; the bound only ever moves forward, so the read ends."""
    make(site, 23, clock)
    whole = type(jira.api).search

    def boundless(self: api.JiraApi, query: str, *args: Any, **options: Any) -> api.Page:  # noqa: ANN401 - passed on unread
        start, _, order = query.partition(" ORDER BY ")
        return whole(self, f"{start.partition(' AND updated')[0]} ORDER BY {order}", *args, **options)

    monkeypatch.setattr(type(jira.api), "search", boundless)
    assert summaries(list(jira.read(ISSUES, None))) == truth(site)


def test_a_later_read_that_is_broken_off_does_not_skip_what_it_has_not_read_yet(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    made = make(site, 40, clock)
    first = list(jira.read(ISSUES, None))
    site.switches.search_lag = timedelta(minutes=30)
    site.edit(made[0], {"summary": "Seen late"}, {}, by=PERSON)
    site.switches.search_lag = timedelta(0)
    make(site, 20, clock)
    second = list(jira.read(ISSUES, end(first)))
    clock.advance(minutes=50)
    third = iter(jira.read(ISSUES, end(second)))
    broken = next(entry for entry in third if isinstance(entry, Checkpoint))
    rest = list(jira.read(ISSUES, broken.cursor))
    assert summaries([*first, *second, *rest]) == truth(site)


@BOTH
def test_a_read_that_is_broken_off_goes_on_from_any_checkpoint(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    make(site, 40, clock)
    whole = list(jira.read(ISSUES, None))
    for place, entry in enumerate(whole):
        if isinstance(entry, Checkpoint):
            rest = list(jira.read(ISSUES, entry.cursor))
            assert summaries([*whole[:place], *rest]) == truth(site)


@pytest.mark.parametrize("lag", [5, 60, 600, 3600])
def test_an_update_that_the_index_shows_late_is_not_lost(
    jira: JiraConnector, site: Site, clock: SettableClock, lag: int
) -> None:
    """The mark moves past a lagging issue; the overlap goes back for it."""
    early, late = make(site, 2, clock)
    site.switches.search_lag = timedelta(seconds=lag)
    site.edit(early, {"summary": "Seen late"}, {}, by=PERSON)
    clock.advance(seconds=1)
    site.switches.search_lag = timedelta(0)
    site.edit(late, {"summary": "Seen at once"}, {}, by=PERSON)
    first = list(jira.read(ISSUES, None))
    assert summaries(first)[str(early.id)] == "Issue"
    clock.advance(seconds=lag)
    assert summaries([*first, *jira.read(ISSUES, end(first))]) == truth(site)


def test_a_read_stays_in_the_projects_it_was_given(connect: Connect, site: Site, clock: SettableClock) -> None:
    make(site, 2, clock, project="OPS")
    other = make(site, 2, clock, project="KPI")
    jira = connect(projects=["KPI"], tickets=None)
    assert set(summaries(list(jira.read(ISSUES, None)))) == {str(issue.id) for issue in other}
    assert list(jira.keys(ISSUES)) == [str(issue.id) for issue in other]


def test_the_project_of_the_tickets_is_read_too_so_that_closing_one_is_seen_without_a_webhook(
    connect: Connect, draft: TicketDraft
) -> None:
    jira = connect(projects=["KPI"], tickets={"project": "OPS"})
    made = jira.create(draft, "01hzy8t3v5k2m9q4")
    (record,) = records(jira.read(ISSUES, None))
    assert (record.key, record.data["marker"], record.data["state"]) == (made.key, "01hzy8t3v5k2m9q4", "open")


@BOTH
def test_a_record_holds_plain_text_labels_and_properties_and_no_pictures(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    jira.create(draft, "01hzy8t3v5k2m9q4")
    (record,) = records(jira.read(ISSUES, None))
    fields: Any = record.data["fields"]
    assert "The last value is of 12 March." in fields["description"]
    assert fields["labels"] == ["data-trust", "plumbline-ref-01hzy8t3v5k2m9q4"]
    assert record.data["properties"] == ({"plumbline.marker": "01hzy8t3v5k2m9q4"} if jira.api.cloud else {})
    assert record.data["marker"] == "01hzy8t3v5k2m9q4"
    assert "avatar" not in record.model_dump_json().lower()
    assert record.place == f"{site.base_url}/browse/OPS-1"
    assert record.changed_at == site.issue("OPS-1").updated


def test_mapped_fields_are_asked_for_and_all_means_all(connect: Connect, site: Site, clock: SettableClock) -> None:
    (issue,) = make(site, 1, clock)
    site.edit(issue, {"customfield_10016": 5}, {}, by=PERSON)

    def fields(**changes: object) -> dict[str, Any]:
        (record,) = records(connect(**changes).read(ISSUES, None))
        return dict(record.data["fields"])  # type: ignore[arg-type]  # a JSON object, as the schema says

    assert "customfield_10016" not in fields()
    mapped = fields(mapping={"series": [{"value": "fields.customfield_10016"}]})
    assert mapped["customfield_10016"] == 5
    assert "customfield_10030" not in mapped
    assert {"customfield_10016", "customfield_10030"} <= set(fields(fields="all"))


@BOTH
def test_fetch_reads_past_the_index_and_says_what_is_gone(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    kept, deleted, moved = make(site, 3, clock)
    site.switches.search_lag = timedelta(hours=1)
    site.edit(kept, {"summary": "Changed"}, {}, by=PERSON)
    site.delete(deleted, by=PERSON)
    site.move(moved, "KPI", by=PERSON)
    wanted = [str(kept.id), str(deleted.id), str(moved.id), "99999"]
    found = list(jira.fetch(ISSUES, wanted))
    assert [record.key for record in found] == wanted
    assert [record.deleted for record in found] == [False, True, False, True]
    assert found[0].data["fields"]["summary"] == "Changed"  # type: ignore[index,call-overload]  # a JSON object
    assert found[2].data["key"] == "KPI-1"


def test_an_issue_moved_out_of_the_projects_counts_as_gone(connect: Connect, site: Site, clock: SettableClock) -> None:
    (issue,) = make(site, 1, clock)
    site.move(issue, "KPI", by=PERSON)
    (record,) = connect(projects=["OPS"]).fetch(ISSUES, [str(issue.id)])
    assert record.deleted


def test_fetch_asks_for_a_hundred_at_once(jira: JiraConnector, site: Site, clock: SettableClock) -> None:
    made = make(site, 3, clock)
    wanted = [*(str(number) for number in range(1, 230)), *(str(issue.id) for issue in made)]
    found = list(jira.fetch(ISSUES, wanted))
    assert [record.key for record in found] == wanted
    assert [record.key for record in found if not record.deleted] == [str(issue.id) for issue in made]
    assert sum(entry["operation"] == "bulk_fetch" for entry in site.requests) == 3


@BOTH
def test_a_project_that_is_hidden_from_us_is_an_error_and_its_issues_do_not_count_as_deleted(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    (issue,) = make(site, 1, clock)
    site.switches.permissions.discard("BROWSE_PROJECTS")
    ways: list[Callable[[], Iterator[Any]]] = [
        lambda: jira.read(ISSUES, None),
        lambda: jira.fetch(ISSUES, [str(issue.id)]),
        lambda: jira.keys(ISSUES),
    ]
    for way in ways:
        with pytest.raises(AuthError, match="Browse Projects") as caught:
            list(way())
        assert caught.value.permission == "BROWSE_PROJECTS"


@BOTH
def test_the_census_lists_every_id(jira: JiraConnector, site: Site, clock: SettableClock) -> None:
    made = make(site, 12, clock)
    site.delete(made[4], by=PERSON)
    assert list(jira.keys(ISSUES)) == list(truth(site))


def test_an_issue_that_cannot_be_read_is_rejected_and_the_rest_is_read(
    jira: JiraConnector, site: Site, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(site, 7, clock)
    whole = type(jira.api).search

    def spoiled(self: api.JiraApi, *args: Any, **options: Any) -> api.Page:  # noqa: ANN401 - passed on unread
        page = whole(self, *args, **options)
        for issue in page.issues:
            if issue["key"] == "OPS-3":
                issue["fields"]["updated"] = "yesterday"
        return page

    monkeypatch.setattr(type(jira.api), "search", spoiled)
    entries = list(jira.read(ISSUES, None))
    (rejected,) = [entry for entry in entries if isinstance(entry, Rejected)]
    assert rejected.place == f"{site.base_url}/browse/OPS-3"
    assert {record.data["key"] for record in records(entries)} == {f"OPS-{n}" for n in (1, 2, 4, 5, 6, 7)}


def test_fetch_names_the_record_that_cannot_be_read(
    jira: JiraConnector, site: Site, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (issue,) = make(site, 1, clock)
    broken = [{"id": str(issue.id), "key": "OPS-1", "fields": {"project": {"key": "OPS"}}}]
    monkeypatch.setattr(type(jira.api), "issues", lambda *_, **__: broken)
    with pytest.raises(RecordError) as caught:
        list(jira.fetch(ISSUES, [str(issue.id)]))
    assert caught.value.key == str(issue.id)


@pytest.mark.parametrize("sandbox", ["data_center"], indirect=True)
@pytest.mark.parametrize(
    ("zone", "bound", "asked"),
    [
        ("Etc/UTC", datetime(2026, 7, 1, 12, 34, 56, tzinfo=UTC), "2026/07/01 12:34"),
        ("America/Los_Angeles", datetime(2026, 7, 1, 12, 34, 56, tzinfo=UTC), "2026/07/01 05:34"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026/10/25 01:30"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026/10/25 01:30"),
    ],
)
def test_data_center_is_asked_in_the_time_of_our_profile_and_before_an_hour_that_happens_twice(
    jira: JiraConnector, site: Site, zone: str, bound: datetime, asked: str
) -> None:
    site.accounts = (site.accounts[0].model_copy(update={"time_zone": zone}), PERSON)
    assert jira._bound(bound) == f'"{asked}"'


@BOTH
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/St_Johns"])
def test_the_zone_of_our_profile_loses_nothing(
    jira: JiraConnector, site: Site, clock: SettableClock, zone: str
) -> None:
    site.accounts = (site.accounts[0].model_copy(update={"time_zone": zone}), PERSON)
    made = make(site, 6, clock)
    cursor = end(list(jira.read(ISSUES, None)))
    site.edit(made[0], {"summary": "Changed"}, {}, by=PERSON)
    assert summaries(list(jira.read(ISSUES, cursor)))[str(made[0].id)] == "Changed"


def test_an_unknown_stream_is_a_mistake_in_the_configuration(jira: JiraConnector) -> None:
    other = Stream(name="boards", title="Boards", json_schema={}, primary_key=("id",))
    with pytest.raises(ConfigError, match="boards"):
        list(jira.read(other, None))
