"""Bounds of sure answers: that they keep their promise, and what they do with few, unknown and unlike clips."""

import numpy as np
import pytest
from scipy.stats import binomtest

from timbre.benchmark.sure import _lower_bound, sure_bounds

SOURCES = [f"source {number}" for number in range(8)]


def clips(number, seed):
    """Return probabilities, calibrated targets and sources of clips of one instrument."""
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.2, 0.3, (number, 1))
    targets = (random.random((number, 1)) < probabilities).astype(float)
    return probabilities, targets, [SOURCES[index % len(SOURCES)] for index in range(number)]


def test_sure_answers_are_right_as_often_as_promised():
    probabilities = clips(50_000, 1)[0][:, 0]  # the chance of being right, as they are calibrated
    kept, covered = [], []
    for seed in range(60):
        ((lower, upper),) = sure_bounds(*clips(1500, seed), thresholds=(0.5,))
        assert lower is not None and upper is not None and lower <= 0.5 <= upper
        claims, denials = probabilities[probabilities >= upper], probabilities[probabilities < lower]
        kept += [claims.mean() >= 0.95, 1 - denials.mean() >= 0.95]
        covered.append((len(claims) + len(denials)) / len(probabilities))
    assert np.mean(kept) >= 0.9
    assert np.mean(covered) > 0.5


def test_answers_that_are_all_right_are_all_sure():
    probabilities = np.linspace(0, 1, 400)[:, None]
    ((lower, upper),) = sure_bounds(probabilities, probabilities >= 0.3, ["a"] * 400, (0.3,))
    assert (lower, upper) == (pytest.approx(0.3, abs=0.003), pytest.approx(0.3, abs=0.003))


def test_few_clips_promise_nothing_and_unknown_targets_do_not_count():
    probabilities = np.concatenate([np.full(20, 0.9), np.full(200, 0.1)])[:, None]
    targets = (probabilities > 0.5).astype(float)
    assert sure_bounds(probabilities, targets, ["a"] * 220, (0.5,)) == [(0.1001, None)]
    targets[40:] = np.nan
    assert sure_bounds(probabilities, targets, ["a"] * 220, (0.5,)) == [(None, None)]


def test_errors_in_one_source_count_more_than_errors_all_over():
    probabilities, targets = np.full((800, 1), 0.9), np.ones((800, 1))
    sources = np.repeat(SOURCES, 100)
    targets[::40] = 0  # 2.5 % of the claims of each source are wrong
    assert sure_bounds(probabilities, targets, sources, (0.5,)) == [(None, 0.9)]
    targets[:] = 1
    targets[:20] = 0  # as many, all of one source
    assert sure_bounds(probabilities, targets, sources, (0.5,)) == [(None, None)]


@pytest.mark.parametrize(("right", "number"), [(50, 50), (57, 60), (1, 9), (0, 5)])
def test_the_bound_of_one_source_is_that_of_clopper_and_pearson(right, number):
    expected = binomtest(right, number, alternative="greater").proportion_ci(0.95, "exact").low
    assert _lower_bound(np.array([[right]]), np.array([[number]]), 0.05)[0] == pytest.approx(expected)
