"""What a statistic does where nothing is expected, and the p-values that follow from it.

Only `scipy.special` is used, and only when a p-value is asked for: importing SciPy's statistics takes longer than most
runs.
"""

from __future__ import annotations

import numpy as np

from rules.columns import Numbers, Rows

_NORMAL = 1.4826
"""The median deviation of a normal distribution times this is its standard deviation."""


def spread(values: Numbers) -> tuple[float, float]:
    """Return the median of some values and their robust standard deviation."""
    centre = float(np.median(values))
    return centre, _NORMAL * float(np.median(np.abs(values - centre)))


def normal_tail(z: Numbers) -> Numbers:
    """Return how likely a standard normal exceeds each value."""
    from scipy.special import ndtr  # noqa: PLC0415 - see above

    found: Numbers = ndtr(-z)
    return found


def normal_score(t: Numbers, freedom: Numbers | float) -> Numbers:
    """Return the normal score that is exceeded as rarely as Student's t with some degrees of freedom."""
    from scipy.special import ndtri_exp, stdtr  # noqa: PLC0415 - see above

    size = np.abs(t)
    tail = np.maximum(stdtr(freedom, -size), np.finfo(np.float64).tiny)
    found: Numbers = np.sign(t) * -ndtri_exp(np.log(tail))
    return found


def student_tail(t: Numbers, freedom: Numbers | float) -> Numbers:
    """Return how likely Student's t with some degrees of freedom exceeds each value."""
    from scipy.special import stdtr  # noqa: PLC0415 - see above

    found: Numbers = stdtr(freedom, -t)
    return found


def chi_square_below(values: Numbers, freedom: float) -> Numbers:
    """Return how likely a chi-square with some degrees of freedom is below each value."""
    from scipy.special import chdtr  # noqa: PLC0415 - see above

    found: Numbers = chdtr(freedom, values)
    return found


def binomial_tail(hits: Rows, tries: Rows, chance: float) -> Numbers:
    """Return how likely at least so many of so many tries hit."""
    from scipy.special import bdtrc  # noqa: PLC0415 - see above

    found: Numbers = np.where(hits > 0, bdtrc(np.maximum(hits - 1, 0), tries, chance), 1.0)
    return found


def f_tail(value: float, between: float, within: float) -> float:
    """Return how likely an F ratio with some degrees of freedom exceeds a value."""
    from scipy.special import fdtrc  # noqa: PLC0415 - see above

    return float(fdtrc(between, within, value))
