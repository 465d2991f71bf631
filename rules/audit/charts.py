"""Charts of a report as plain SVG: values with their revisions, targets, cutoffs, and what a finding is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from rules.alerts import Finding
from rules.calendars import UNKNOWN, moment
from rules.columns import Flags, Instants, Numbers
from rules.history import History

WIDTH, HEIGHT = 420, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 26
MOST_POINTS = 400
"""A longer line is drawn as the lowest and highest value of each step, and the flagged points."""
MOST_DOTS = 60
"""Above it only flagged points get a mark of their own."""
BARS = 40


def charts(finding: Finding, history: History) -> Iterator[str]:
    """Yield a chart for each series that a finding is about; none where it is about no series with values."""
    for row in _series_of(finding, history):
        drawn = _line(finding, history, row) or _bars(finding, history, row)
        if drawn:
            yield drawn


def _series_of(finding: Finding, history: History) -> list[int]:
    rows = history.series.row_of
    if finding.subject_kind == "series":
        named = [finding.subject, *(str(one.get("series", "")) for one in finding.evidence)]
        return list(dict.fromkeys(rows[name] for name in named if name in rows))[:2]
    if finding.subject_kind not in {"key_result", "objective"} or finding.subject not in history.objectives.row_of:
        return []
    pairs = history.measures(finding.subject_kind)
    measured = pairs.series[pairs.subject == history.objectives.row_of[finding.subject]]
    return [int(row) for row in measured[:2]]


@dataclass(frozen=True)
class _Frame:
    """Maps instants (or values) and heights to places in the picture."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        low, high = self.x
        return round(LEFT + (value - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT), 1)

    def up(self, value: float) -> float:
        low, high = self.y
        return round(HEIGHT - BOTTOM - (value - low) / ((high - low) or 1) * (HEIGHT - TOP - BOTTOM), 1)

    def level(self, value: float, kind: str, title: str) -> str:
        at = self.up(value)
        return (
            f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"><title>{title}</title></line>'
        )

    def ticks(self) -> Iterator[str]:
        for value in steps(*self.y):
            yield self.level(value, "grid", "")
            yield f'<text x="{LEFT - 6}" y="{self.up(value) + 4}" text-anchor="end">{spoken(value)}</text>'


def steps(low: float, high: float) -> list[float]:
    """Return about four round numbers between two others."""
    rough = (high - low) / 4 or 1
    unit = 10 ** math.floor(math.log10(rough))
    step = next(size * unit for size in (1, 2, 2.5, 5, 10) if size * unit >= rough)
    first = math.ceil(low / step)
    return [round(place * step, 12) for place in range(first, math.floor(high / step) + 1)]


def spoken(value: float) -> str:
    """Return a number in few letters."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}"


def _line(finding: Finding, history: History, row: int) -> str:
    """Draw the values of a series over time."""
    table = history.observations
    part = slice(int(table.offsets[row]), int(table.offsets[row + 1]))
    start, value = table.start[part], table.value[part]
    known = ~np.isnan(value)
    start, value = start[known], value[known]
    if not len(start):
        return ""
    latest = np.append(start[1:] != start[:-1], True)
    old, now = ~latest, latest
    flagged = _flagged(finding, history.series.id[row], start) & latest
    targets = list(_targets(history, row))
    cutoffs = list(history.series.thresholds[row])
    end = max(float(start[-1]), float(finding.end) if finding.end != UNKNOWN else -math.inf)
    heights = [*value.tolist(), *(height for *_, height, _ in targets)]
    low, high = min(heights), max(heights)
    # A cutoff far from every value would press the line flat: it is told and not drawn.
    near = [cutoff for cutoff in cutoffs if low - (high - low) <= cutoff <= high + (high - low)]
    frame = _Frame((float(start[0]), end), _roomy([*heights, *near]))
    parts = [
        *frame.ticks(),
        _band(frame, finding),
        *(frame.level(cutoff, "cutoff", f"cutoff {spoken(cutoff)}") for cutoff in near),
        *(_step(frame, *target) for target in targets),
        _path(frame, *_thinned(start[now], value[now])),
        *_dots(frame, start[old], value[old], "old", "before it was revised"),
        *(_dots(frame, start[now & ~flagged], value[now & ~flagged], "dot", "") if now.sum() <= MOST_DOTS else ()),
        *_dots(frame, start[flagged], value[flagged], "flag", "what the finding is about"),
        *_dates(frame),
    ]
    return _picture(history, row, parts, _legend(old, flagged, targets, near))


def _flagged(finding: Finding, series: str, start: Instants) -> Flags:
    """Return which periods a finding is about: those of its evidence, else those in its range."""
    about = [
        str(one["start"])
        for one in finding.evidence
        if one.get("table") == "observations" and one.get("series") == series and one.get("start")
    ]
    named = np.isin(start, [int(np.datetime64(text.removesuffix("Z"), "us").astype(np.int64)) for text in about])
    if finding.start == UNKNOWN or finding.end <= finding.start:
        return np.asarray(named, dtype=np.bool_)
    within = (start >= finding.start) & (start < finding.end)
    found: Flags = (named & within) if (named & within).any() else within
    return found


def _targets(history: History, row: int) -> Iterator[tuple[int, int, float, bool]]:
    """Yield (start, end, target, whether it still counts) of every version of a target."""
    table = history.targets
    first, last = int(table.offsets[row]), int(table.offsets[row + 1])
    for place in range(first, last):
        counts = place + 1 == last or table.start[place + 1] != table.start[place]
        if not math.isnan(table.target[place]):
            yield int(table.start[place]), int(table.end[place]), float(table.target[place]), bool(counts)


def _step(frame: _Frame, start: int, end: int, height: float, counts: bool) -> str:  # noqa: FBT001 - a row of targets
    left, right = max(frame.across(start), LEFT), min(frame.across(end), WIDTH - RIGHT)
    kind, said = ("target", "target") if counts else ("target former", "former target")
    at = frame.up(height)
    place = f'x1="{left}" x2="{max(right, left)}" y1="{at}" y2="{at}"'
    return f'<line class="{kind}" {place}><title>{said} {spoken(height)}</title></line>'


def _band(frame: _Frame, finding: Finding) -> str:
    if finding.start == UNKNOWN or finding.end <= finding.start:
        return ""
    left, right = max(frame.across(finding.start), LEFT), min(frame.across(finding.end), WIDTH - RIGHT)
    width = max(round(right - left, 1), 2)
    return f'<rect class="band" x="{left}" y="{TOP}" width="{width}" height="{HEIGHT - TOP - BOTTOM}"/>'


def _thinned(start: Instants, value: Numbers) -> tuple[Instants, Numbers]:
    if len(start) <= MOST_POINTS:
        return start, value
    kept: set[int] = {0, len(start) - 1}
    for part in np.array_split(np.arange(len(start)), MOST_POINTS // 2):
        kept |= {int(part[value[part].argmin()]), int(part[value[part].argmax()])}
    rows = np.array(sorted(kept))
    return start[rows], value[rows]


def _path(frame: _Frame, start: Instants, value: Numbers) -> str:
    points = " ".join(f"{frame.across(x)},{frame.up(y)}" for x, y in zip(start.tolist(), value.tolist(), strict=True))
    return f'<polyline class="line" points="{points}"/>'


def _dots(frame: _Frame, start: Instants, value: Numbers, kind: str, said: str) -> Iterator[str]:
    for x, y in list(zip(start.tolist(), value.tolist(), strict=True))[-MOST_POINTS:]:
        title = f"{moment(x):%Y-%m-%d}: {spoken(y)}" + (f", {said}" if said else "")
        radius = {"dot": 2, "old": 3, "flag": 4}[kind]
        place = f'cx="{frame.across(x)}" cy="{frame.up(y)}" r="{radius}"'
        yield f'<circle class="{kind}" {place}><title>{title}</title></circle>'


def _dates(frame: _Frame) -> Iterator[str]:
    first, last = frame.x
    for place, anchor in ((first, "start"), ((first + last) / 2, "middle"), (last, "end")):
        said = f"{moment(int(place)):%Y-%m-%d}"
        yield f'<text x="{frame.across(place)}" y="{HEIGHT - 8}" text-anchor="{anchor}">{said}</text>'


def _bars(finding: Finding, history: History, row: int) -> str:
    """Draw how many records have which value, around the cutoff that a finding is about."""
    table = history.records
    part = slice(int(table.offsets[row]), int(table.offsets[row + 1]))
    value, count = table.value[part], np.where(np.isnan(table.count[part]), 1, table.count[part])
    known = ~np.isnan(value)
    value, count = value[known], count[known]
    if not len(value) or value.min() == value.max():
        return ""
    low, high, edges = _edges(finding, value)
    inside = (value >= low) & (value <= high)
    heights, edges = np.histogram(value[inside], bins=edges, weights=count[inside])
    frame = _Frame((float(edges[0]), float(edges[-1])), (0.0, float(heights.max()) * 1.08 or 1.0))
    cutoffs = [cutoff for cutoff in history.series.thresholds[row] if edges[0] <= cutoff <= edges[-1]]
    parts = [*frame.ticks()]
    for left, right, height in zip(edges[:-1].tolist(), edges[1:].tolist(), heights.tolist(), strict=True):
        x, top = frame.across(left), frame.up(height)
        said = f"{spoken(left)} to {spoken(right)}: {spoken(height)} records"
        width, tall = max(round(frame.across(right) - x - 1, 1), 0.5), round(HEIGHT - BOTTOM - top, 1)
        parts.append(
            f'<rect class="bar" x="{x}" y="{top}" width="{width}" height="{tall}"><title>{said}</title></rect>'
        )
    for cutoff in cutoffs:
        x = frame.across(cutoff)
        kind = "cutoff" if cutoff == finding.facts.get("cutoff", cutoff) else "cutoff aside"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    for place, anchor in ((edges[0], "start"), ((edges[0] + edges[-1]) / 2, "middle"), (edges[-1], "end")):
        x = frame.across(float(place))
        parts.append(f'<text x="{x}" y="{HEIGHT - 8}" text-anchor="{anchor}">{spoken(float(place))}</text>')
    return _picture(history, row, parts, ["records by value", *(["cutoff"] if cutoffs else [])])


def _edges(finding: Finding, value: Numbers) -> tuple[float, float, Numbers]:
    low, high = (float(edge) for edge in np.quantile(value, [0.005, 0.995]))
    width = finding.facts.get("width")
    cutoff = finding.facts.get("cutoff")
    if isinstance(width, int | float) and isinstance(cutoff, int | float) and width > 0:
        # Bars begin at the cutoff, so that both of its sides can be compared.
        below = min(BARS // 2, math.ceil((cutoff - low) / width) or 1)
        above = min(BARS // 2, math.ceil((high - cutoff) / width) or 1)
        around = cutoff + width * np.arange(-max(below, 1), max(above, 1) + 1, dtype=np.float64)
        return float(around[0]), float(around[-1]), around
    whole = bool((value == np.round(value)).all()) and high - low <= 2 * BARS
    edges: Numbers = np.linspace(low, high if high > low else low + 1, BARS + 1, dtype=np.float64)
    if whole:
        edges = np.arange(math.floor(low), math.ceil(high) + 2, dtype=np.float64) - 0.5
    return float(edges[0]), float(edges[-1]), edges


def _roomy(heights: Iterable[float]) -> tuple[float, float]:
    listed = list(heights)
    low, high = min(listed), max(listed)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1
    return low - room, high + room


def _legend(old: Flags, flagged: Flags, targets: list[tuple[int, int, float, bool]], near: list[float]) -> list[str]:
    drawn = {
        "values": True,
        "revised value": old.any(),
        "target": any(counts for *_, counts in targets),
        "former target": any(not counts for *_, counts in targets),
        "cutoff": near,
        "this finding": flagged.any(),
    }
    return [name for name, there in drawn.items() if there]


KEYS = {
    "values": "line",
    "revised value": "old",
    "target": "target",
    "former target": "former",
    "cutoff": "cutoff",
    "this finding": "flag",
    "records by value": "bar",
}


def _picture(history: History, row: int, parts: Iterable[str], legend: Iterable[str]) -> str:
    name = history.series.title[row] or history.series.id[row]
    unit = f" ({history.series.unit[row]})" if history.series.unit[row] else ""
    keys = "".join(f'<span class="key k-{KEYS[entry]}">{entry}</span>' for entry in legend)
    title = escape(f"{name}{unit}")
    return (
        f'<figure><figcaption><b>{title}</b> {keys}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}">{"".join(parts)}</svg></figure>'
    )
