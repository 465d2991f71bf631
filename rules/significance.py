"""Which of many tested cases are more than chance: Benjamini and Hochberg's control of the false-discovery rate.

Source: Y. Benjamini, Y. Hochberg, Journal of the Royal Statistical Society B 57 (1995), 289-300. It holds for
independent and for positively dependent tests.
"""

from __future__ import annotations

import numpy as np

from rules.columns import Flags, Numbers

LEVEL = 0.10
"""Share of false findings among the findings of a rule that we accept."""


def discoveries(p: Numbers, level: float = LEVEL) -> Flags:
    """Return which p-values are discoveries at a level; NaN (no test of chance) is none and does not count."""
    found = np.zeros(len(p), dtype=np.bool_)
    tested = np.flatnonzero(~np.isnan(p))
    ranked = tested[np.argsort(p[tested], kind="stable")]
    below = p[ranked] <= level * np.arange(1, len(ranked) + 1) / max(len(ranked), 1)
    if below.any():
        found[p <= p[ranked[np.flatnonzero(below)[-1]]]] = True
    return found
