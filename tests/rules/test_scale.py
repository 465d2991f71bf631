"""The scale of records: steps, heaps, quantiles."""

from __future__ import annotations

import numpy as np
import pytest

from rules.scale import Sample, comb, common_step, grid, together


def sample(*values: float) -> Sample:
    return Sample.of(np.array(values), np.ones(len(values)))


def test_records_below_a_value_are_counted_without_it() -> None:
    found = Sample.of(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 2.0]))
    assert found.under(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [0, 1, 3, 8]
    assert found.size == 8
    assert [found.quantile(share) for share in (0.1, 0.25, 0.5, 1.0)] == [1, 2, 3, 3]


def test_a_mirrored_sample_counts_from_the_other_side() -> None:
    turned = Sample.of(np.array([1.0, 2.0]), np.array([1.0, 4.0])).mirrored()
    assert turned.values.tolist() == [-2, -1]
    assert turned.below.tolist() == [0, 4, 5]


def test_samples_add_up() -> None:
    assert together([sample(3, 1), sample(2)]).values.tolist() == [1, 2, 3]


@pytest.mark.parametrize(("values", "step"), [((1, 2, 4), 1), ((0.1, 0.3, 0.4), 0.1), ((5,), 0), ((0, 1, 2.5), 0)])
def test_a_grid_is_seen(values: tuple[float, ...], step: float) -> None:
    assert grid(sample(*values)) == pytest.approx(step)


def test_a_scale_of_very_many_steps_is_continuous() -> None:
    assert grid(sample(0, 1e-7, 1.0)) == 0


@pytest.mark.parametrize(("teeth", "found"), [(1, 1), (5, 5), (10, 10), (60, 60)])
def test_heaps_on_a_comb_are_seen(teeth: int, found: int) -> None:
    values = np.arange(3000.0)
    counts = np.where(values % teeth == 0, 60.0, 10.0)
    assert comb(Sample.of(values, counts), 1.0) == found


@pytest.mark.parametrize(
    ("values", "step"),
    [((100.0, 300.0, 700.0), 100), ((1.5, 2.25), 0.75), ((0.0, 0.0), 1), ((3.0, float("nan"), 5.0), 1)],
)
def test_the_common_step_of_a_series(values: tuple[float, ...], step: float) -> None:
    assert common_step(np.array([values]))[0] == pytest.approx(step)
