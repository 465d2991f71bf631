"""Control of the false-discovery rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from rules.significance import LEVEL, discoveries

p_values = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=40)


def test_the_example_of_the_paper() -> None:
    # Benjamini and Hochberg 1995, section 4: 15 p-values, four discoveries at 0.05.
    p = np.array(
        [
            0.0001,
            0.0004,
            0.0019,
            0.0095,
            0.0201,
            0.0278,
            0.0298,
            0.0344,
            0.0459,
            0.3240,
            0.4262,
            0.5719,
            0.6528,
            0.7590,
            1.0,
        ]
    )
    assert discoveries(p, 0.05).sum() == 4
    assert discoveries(p[::-1], 0.05).tolist() == ([False] * 11) + ([True] * 4)


def test_the_level_is_a_tenth() -> None:
    assert LEVEL == 0.10
    assert discoveries(np.array([0.1])).tolist() == [True]
    assert discoveries(np.array([0.1001])).tolist() == [False]


def test_a_weaker_case_is_carried_by_stronger_ones() -> None:
    assert discoveries(np.array([0.06, 0.09]), 0.1).tolist() == [True, True]
    assert discoveries(np.array([0.06]), 0.05).tolist() == [False]


def test_equal_values_are_judged_alike() -> None:
    assert discoveries(np.array([0.05, 0.05, 0.9]), 0.1).tolist() == [True, True, False]


@pytest.mark.parametrize("p", [[], [float("nan")], [float("nan"), 1.0]])
def test_nothing_tested_is_nothing_found(p: list[float]) -> None:
    assert not discoveries(np.array(p)).any()


def test_cases_without_a_test_of_chance_do_not_count() -> None:
    assert discoveries(np.array([0.05, float("nan"), float("nan")]), 0.05).tolist() == [True, False, False]


@given(p_values, st.sampled_from([0.01, 0.05, 0.1, 0.2]))
def test_it_agrees_with_scipy_and_the_order_does_not_matter(listed: list[float], level: float) -> None:
    p = np.array(listed)
    found = discoveries(p, level)
    tested = ~np.isnan(p)
    if tested.any():
        adjusted = false_discovery_control(p[tested])
        near = np.isclose(adjusted, level, rtol=1e-9)
        assert ((adjusted <= level) == found[tested])[~near].all()
    assert not found[~tested].any()
    assert discoveries(p[::-1], level)[::-1].tolist() == found.tolist()
