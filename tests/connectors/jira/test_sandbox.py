"""The sandbox as a ledger: it remembers, shows and counts what was done to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from connectors.jira import JiraConnector
from connectors.jira.sandbox import BOT, PERSON, Fault, Kind, Sandbox, Site, ledger
from connectors.jira.sandbox.jql import parse
from connectors.jira.sandbox.model import Refused
from connectors.sdk.protocol import TicketDraft
from tests.factories import SettableClock

MARKER = "01hzy8t3v5k2m9q4"
AUTH = (BOT.email, BOT.token)


def filled(site: Site) -> Site:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Kept", "labels": ["a"]}
    kept = site.create(fields, {"p": {"q": 1}}, by=PERSON)
    site.comment(kept, "Hello", by=PERSON)
    site.transition(kept, "31", by=PERSON)
    site.link(kept, {"globalId": "g", "object": {"url": "https://x.example.com", "title": "t"}})
    gone = site.create(fields, {}, by=PERSON)
    site.delete(gone, by=PERSON)
    site.register("http://127.0.0.1:1/x", secret="s")
    return site


def test_a_restarted_site_knows_everything_it_was_sent(tmp_path: Path, clock: SettableClock) -> None:
    before = filled(Site(clock=clock, state=tmp_path / "jira" / "site.jsonl"))
    after = Site(clock=clock, state=tmp_path / "jira" / "site.jsonl")
    assert ledger(after)["issues"] == ledger(before)["issues"]
    assert [entry["key"] for entry in ledger(after)["deleted"]] == ["OPS-2"]
    assert after.hooks == before.hooks
    assert [issue.key for issue in after.search("labels = a", account=BOT)] == ["OPS-1"]


def test_a_restarted_site_gives_no_number_twice(tmp_path: Path, clock: SettableClock) -> None:
    before = filled(Site(clock=clock, state=tmp_path / "site.jsonl"))
    after = Site(clock=clock, state=tmp_path / "site.jsonl")
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "New"}
    made = after.create(fields, {}, by=PERSON)
    assert made.id > max(before.issues)
    assert made.key not in {issue.key for issue in (*before.issues.values(), *before.deleted.values())}


def test_a_line_cut_short_by_a_kill_costs_only_itself(tmp_path: Path, clock: SettableClock) -> None:
    path = tmp_path / "site.jsonl"
    before = filled(Site(clock=clock, state=path))
    with path.open("a") as file:
        file.write('["issue",10099,{"id":10099,"key":')
    assert ledger(Site(clock=clock, state=path))["issues"] == ledger(before)["issues"]


def test_it_runs_as_a_process_and_keeps_its_site_over_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from connectors.jira.sandbox.server import serve;"
        "serve(0, state=Path(sys.argv[1]), ready=lambda url: print(url, flush=True))"
    )
    state = tmp_path / "site.jsonl"

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen([sys.executable, "-c", script, str(state)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    first, url = start()
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Kept"}
    made = requests.post(f"{url}/rest/api/3/issue", json={"fields": fields}, auth=AUTH, timeout=10).json()
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second, url = start()
    try:
        found = requests.get(f"{url}/__sandbox__/ledger", timeout=10).json()
    finally:
        second.terminate()
        second.communicate()
    assert [issue["key"] for issue in found["issues"]] == [made["key"]]


def test_the_control_routes_switch_plan_and_count(jira: JiraConnector, sandbox: Sandbox, draft: TicketDraft) -> None:
    control = f"{sandbox.site.base_url}/__sandbox__"
    wanted = {"search_lag": 60, "off_create_screen": ["labels"], "webhooks": {"doubled": True}, "strict_workflow": True}
    switched = requests.patch(f"{control}/switches", json=wanted, timeout=10).json()
    assert switched == requests.get(f"{control}/switches", timeout=10).json()
    assert (switched["search_lag"], switched["webhooks"]["doubled"]) == (60.0, True)
    assert sandbox.site.switches.search_lag == timedelta(seconds=60)
    plan = {"operation": "search", "kind": "throttle", "retry_after": "1", "times": 3}
    assert len(requests.post(f"{control}/faults", json=plan, timeout=10).json()) == 1
    assert requests.delete(f"{control}/faults", timeout=10).status_code == 204
    requests.post(f"{control}/webhooks", json={"url": "http://127.0.0.1:1/", "secret": "s"}, timeout=10)
    jira.create(draft, MARKER)
    assert requests.get(f"{control}/ledger", timeout=10).json()["counts"]["issues"] == 1
    paths = [entry["path"] for entry in requests.get(f"{control}/requests", timeout=10).json()]
    assert "/rest/api/3/issue" in paths
    events = [entry["event"] for entry in requests.get(f"{control}/deliveries", timeout=10).json()]
    assert events == ["jira:issue_created"]


def test_a_fault_for_an_operation_that_does_not_exist_is_refused(site: Site) -> None:
    plan = {"operation": "create", "kind": "throttle"}
    refused = requests.post(f"{site.base_url}/__sandbox__/faults", json=plan, timeout=10)
    assert refused.status_code == 400
    assert "create_issue" in refused.text


def test_the_request_log_holds_no_credentials(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    jira.create(draft, MARKER)
    assert BOT.token not in json.dumps(list(site.requests))


def test_people_see_issues_and_can_comment_and_close_them(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    made = jira.create(draft, MARKER)
    listed = requests.get(f"{site.base_url}/", timeout=10).text
    assert f'href="/browse/{made.label}"' in listed
    page = requests.get(made.url, timeout=10).text
    assert draft.title in page
    (done,) = re.findall(r'<button name="transition" value="(\d+)">Done</button>', page)
    requests.post(f"{made.url}/comment", data={"text": "<b>Looking</b>"}, timeout=10)
    page = requests.post(f"{made.url}/transition", data={"transition": done}, timeout=10).text
    assert "&lt;b&gt;Looking&lt;/b&gt;" in page
    assert '<span class="status done" id="status">Done</span>' in page
    assert site.issue(made.key).history[-1].author == PERSON.account_id


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("project = OPS", ["OPS-2", "OPS-1"]),
        ("project = OPS ORDER BY id ASC", ["OPS-1", "OPS-2"]),
        ("project IN (OPS, KPI) ORDER BY updated ASC, id ASC", ["KPI-1", "OPS-2", "OPS-1"]),
        ('labels = "two words"', []),
        ("labels = a AND NOT statusCategory = Done", ["OPS-2"]),
        ("labels in (a, b) AND statusCategory = Done", ["OPS-1"]),
        ("id in (10001, 10002) ORDER BY id", ["OPS-1", "KPI-1"]),
        ("labels is empty", ["KPI-1"]),
        ("labels != a", []),
        ("resolution is not empty", ["OPS-1"]),
        ("resolution != Done", []),
        ('updated >= "-30m"', ["OPS-1"]),
        ("updated >= 1762250400000 AND labels = a ORDER BY id", ["OPS-1", "OPS-2"]),
        ('updated < "2025/11/04 10:00"', []),
        ('text ~ "alpha" AND (project = KPI OR project = OPS) ORDER BY id', ["OPS-1", "KPI-1"]),
        ('summary ~ "\\"alpha beta\\""', ["KPI-1"]),
    ],
)
def test_the_search_understands_the_jql_that_it_claims(query: str, keys: list[str]) -> None:
    clock = SettableClock(datetime(2025, 11, 4, 10, tzinfo=UTC))
    site = Site(clock=clock, projects=(("OPS", "Ops"), ("KPI", "KPIs")))
    for key, summary, labels in (("OPS", "beta alpha", ["a"]), ("KPI", "alpha beta", []), ("OPS", "gamma", ["a"])):
        fields = {"project": {"key": key}, "issuetype": {"name": "Task"}, "summary": summary, "labels": labels}
        site.create(fields, {}, by=PERSON)
        clock.advance(minutes=1)
    clock.advance(hours=1)
    site.transition(site.issue("OPS-1"), "31", by=PERSON)
    assert [issue.key for issue in site.search(query, account=BOT)] == keys


@pytest.mark.parametrize(
    "query",
    [
        "",
        "ORDER BY id",
        "project =",
        "project = NOPE",
        "nonsense = 1",
        "project = OPS AND",
        "(project = OPS",
        "project = OPS project = OPS",
        'summary = "x"',
        'updated >= "yesterday"',
        'labels = "unclosed',
        'labels = "\\q"',
        "labels ~ a",
    ],
)
def test_a_query_that_jira_would_refuse_is_refused(query: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(query, now=datetime(2026, 1, 1, tzinfo=UTC), time_zone="UTC", projects=["OPS"])
    assert caught.value.status == 400


def test_reconciling_an_issue_shows_it_before_the_index_does(site: Site) -> None:
    site.switches.search_lag = timedelta(hours=1)
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "New"}
    made = site.create(fields, {}, by=PERSON)
    asked = {"jql": "project = OPS", "fields": ["summary"]}
    address = f"{site.base_url}/rest/api/3/search/jql"
    assert requests.post(address, json=asked, auth=AUTH, timeout=10).json()["issues"] == []
    reconciled = requests.post(address, json={**asked, "reconcileIssues": [made.id]}, auth=AUTH, timeout=10).json()
    assert [issue["id"] for issue in reconciled["issues"]] == [str(made.id)]


def test_a_moved_issue_answers_to_its_former_key(site: Site) -> None:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "New"}
    made = site.create(fields, {}, by=PERSON)
    site.move(made, "KPI", by=PERSON)
    assert site.issue("OPS-1").key == "KPI-1"


def test_a_fault_is_used_up_and_only_by_its_operation(site: Site) -> None:
    site.faults.plan(Fault("myself", Kind.ERROR_BEFORE, times=2, status=500))
    address = f"{site.base_url}/rest/api/3"
    asked = ("field", "myself", "myself", "myself")
    statuses = [requests.get(f"{address}/{name}", auth=AUTH, timeout=10).status_code for name in asked]
    assert statuses == [200, 500, 500, 200]


def test_the_removed_search_of_cloud_is_gone(site: Site) -> None:
    answer = requests.get(f"{site.base_url}/rest/api/2/search", params={"jql": "project = OPS"}, auth=AUTH, timeout=10)
    assert answer.status_code == 410


def test_flask_is_imported_by_the_sandbox_alone() -> None:
    script = "import sys, connectors.jira; sys.exit('flask' in sys.modules or 'werkzeug' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
