"""Metrics defined by JQL as a stream of observations: one row a period, with the ids of the issues behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from pydantic import JsonValue

from connectors.jira import jql, marker
from connectors.jira.config import DatedBy, JqlMetric, MetricKind
from connectors.jira.issues import instant
from connectors.jira.measures import Figure, Item, Move, Period, figure, periods, working_time
from connectors.jira.site import JiraSite
from connectors.jira.text import plain
from connectors.sdk.protocol import Checkpoint, Cursor, Record, Stream

Json = dict[str, Any]

STREAM = "metrics"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "metric", "period_start", "value"],
    "properties": {
        "id": {"type": "string"},
        "metric": {"type": "string"},
        "period_start": {"type": "string", "format": "date"},
        "value": {"type": "number"},
        "numerator": {"type": ["number", "null"]},
        "denominator": {"type": ["number", "null"]},
        "org_unit": {"type": ["string", "null"]},
        "segment": {"type": ["string", "null"]},
        "items": {"type": "array", "items": {"type": "string"}, "description": "ids of the issues behind the number"},
    },
}
METRICS = Stream(name=STREAM, title="Metrics by JQL", json_schema=SCHEMA, primary_key=("id",))
BY_HISTORY = frozenset(
    {MetricKind.THROUGHPUT, MetricKind.CYCLE_TIME, MetricKind.ITEM_AGE, MetricKind.REOPEN_RATE},
)
FIELDS = ("created", "description", "labels", "resolutiondate", "status")


class JiraMetrics(JiraSite):
    """Works out the metrics of a configuration, from issues of the connection's projects that are not our own."""

    def observations(self) -> Iterator[Record]:
        """Give one record for each metric and period that is over."""
        now = self.api.now()
        for metric in self.config.metrics:
            items = self._items(metric, metric.jql)
            others = self._items(metric, metric.of) if metric.of is not None else []
            for period in periods(metric, now):
                found = figure(metric, period, items, others)
                if found is not None:
                    yield self._observation(metric, period, found)

    def news(self, cursor: Cursor | None) -> Iterator[Record | Checkpoint]:
        """Give the records that changed since the cursor, and then the new cursor."""
        before = (cursor or {}).get("rows")
        known = before if isinstance(before, dict) else {}
        rows: dict[str, JsonValue] = {}
        for record in self.observations():
            rows[record.key] = record.version
            if known.get(record.key) != record.version:
                yield record
        yield Checkpoint(stream=STREAM, cursor={"rows": rows})

    def _items(self, metric: JqlMetric, condition: str) -> list[Item]:
        """Read the issues of a query; those that Plumbline made are no part of any metric."""
        fields = (*FIELDS, *([metric.field] if metric.field else []))
        query, with_history = self._query(metric, condition), metric.kind in BY_HISTORY
        found: list[Item] = []
        after, fresh = None, self.api.written
        while True:
            page = self.api.search(
                query, fields, properties=(marker.PROPERTY,), after=after, fresh=fresh, changelog=with_history
            )
            issues = [issue for issue in page.issues if marker.of_issue(issue, _text(issue)) is None]
            histories = self.api.histories(issues) if with_history else {}
            found += [self._item(metric, issue, histories.get(str(issue["id"]), ())) for issue in issues]
            after = page.next
            if after is None:
                return found

    def _query(self, metric: JqlMetric, condition: str) -> str:
        first = working_time(metric).begins(metric.since)
        bound = self.bound(first)
        window = f"created >= {bound}" if _by_creation(metric) else f"updated >= {bound}"
        if metric.kind is MetricKind.ITEM_AGE:
            window = f"({window} OR statusCategory != Done)"
        return f"({condition}) AND {self.in_scope()} AND {window} ORDER BY created ASC, id ASC"

    def _item(self, metric: JqlMetric, issue: Json, histories: Sequence[Json]) -> Item:
        fields = issue["fields"]
        amount = fields.get(metric.field) if metric.field else None
        moves = [move for history in histories for move in self._moves(history)]
        return Item(
            id=str(issue["id"]),
            created=instant(fields["created"]) or datetime.max.replace(tzinfo=UTC),
            category=str(fields["status"]["statusCategory"]["key"]),
            resolved=instant(fields.get("resolutiondate")),
            amount=float(amount) if isinstance(amount, int | float) else None,
            moves=tuple(sorted(moves, key=lambda move: move.at)),
        )

    def _moves(self, history: Json) -> Iterator[Move]:
        at = _moment(history.get("created"))
        for change in history.get("items") or ():
            if change.get("field") == "status" and at is not None:
                before, after = (self.api.categories.get(str(change.get(end)), "undefined") for end in ("from", "to"))
                yield Move(at, before, after)

    def _observation(self, metric: JqlMetric, period: Period, found: Figure) -> Record:
        key = f"{metric.name}|{period.day.isoformat()}"
        data: dict[str, JsonValue] = {
            "id": key,
            "metric": metric.name,
            "period_start": period.day.isoformat(),
            "value": found.value,
            "numerator": found.numerator,
            "denominator": found.denominator,
            "org_unit": metric.org_unit,
            "segment": metric.segment,
            "items": [*sorted(found.items, key=int)],
        }
        version = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
        place = f"{self.config.base_url}/issues/?{urlencode({'jql': metric.jql})}"
        return Record(stream=STREAM, key=key, data=data, version=version, place=place)

    def in_scope(self) -> str:
        """Write the part of a query that keeps it to our projects."""
        return f"project IN {jql.any_of(self.config.scope)}"

    def bound(self, moment: datetime) -> str:
        """Write an instant: epoch milliseconds on Cloud, minutes in our profile's zone on Data Center."""
        if self.api.cloud:
            return str(int(moment.timestamp() * 1000))
        return jql.minutes(moment, self.api.time_zone)


def _by_creation(metric: JqlMetric) -> bool:
    return metric.kind not in BY_HISTORY and metric.dated_by is DatedBy.CREATED


def _text(issue: Json) -> str:
    return plain((issue.get("fields") or {}).get("description"))


def _moment(value: object) -> datetime | None:
    """Read when a history was made: the description says text, Cloud's bulk answer gives milliseconds."""
    return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else instant(value)
