"""What metrics of one group have in common: the same calendar, the same season, the same shocks."""

from __future__ import annotations

import numpy as np

from rules.columns import Numbers, Rows
from rules.grid import Grid
from rules.history import History
from rules.placebo import spread

FEW = 8
"""A smaller group says too little about what is common."""
MANY = 20
"""From so many members on a group says how a statistic varies where nothing is wrong."""
_LEAST_SCALE = 0.75


def groups(history: History, grid: Grid) -> list[Rows]:
    """Return the rows of a grid by group of peers; series without peers are groups of their own."""
    found: dict[str, list[int]] = {}
    for row, series in enumerate(grid.series.tolist()):
        peers = history.series.peers[series]
        found.setdefault(f"peers:{peers}" if peers else f"alone:{series}", []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in found.values()]


def without_common(levels: Numbers, members: list[Rows]) -> Numbers:
    """Return levels (series by period) less what each group's members did together, by the median of their changes."""
    found = levels.copy()
    for rows in members:
        if len(rows) < FEW:
            continue
        changes = np.diff(levels[rows], axis=1)
        there = (~np.isnan(changes)).sum(axis=0) >= FEW
        common = np.zeros(changes.shape[1])
        common[there] = np.nanmedian(changes[:, there], axis=0)
        found[rows] -= np.concatenate(([0.0], np.cumsum(common)))
    return found


def among_peers(scores: Numbers, members: list[Rows]) -> Numbers:
    """Return scores scaled by how they vary in each group of many peers, most of which are as they should be."""
    found = scores.copy()
    for rows in members:
        known = scores[rows][~np.isnan(scores[rows])]
        if len(known) >= MANY:
            centre, scale = spread(known)
            found[rows] = (scores[rows] - centre) / max(scale, _LEAST_SCALE)
    return found


def moderated(scales: Numbers, members: list[Rows]) -> Numbers:
    """Return scales drawn half way (in variance) to the median of their group, where that has enough members."""
    found = scales.copy()
    for rows in members:
        known = scales[rows][~np.isnan(scales[rows])]
        if len(known) >= FEW:
            found[rows] = np.sqrt((scales[rows] ** 2 + np.median(known) ** 2) / 2)
    return found
