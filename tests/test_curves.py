import numpy as np
import pytest
from helpers import INSTRUMENTS
from sklearn.metrics import average_precision_score, f1_score

from timbre.core.tables import Part
from timbre.evaluation.curves import (
    expected_calibration_error,
    f1_by_level,
    f1_by_number,
    levels_below_loudest,
    precision_recall,
    reliability,
)

RNG = np.random.default_rng


def test_calibration_error_of_known_cases():
    assert expected_calibration_error(np.full(10, 0.8), np.array([1] * 8 + [0] * 2)) == pytest.approx(0)
    assert expected_calibration_error(np.array([1.0, 1.0, 0.0, 0.0]), np.array([1, 0, 0, 1])) == pytest.approx(0.5)


def test_reliability_leaves_empty_bins_out():
    table = reliability([0.05, 0.07, 0.95, 1.0], [0, 1, 1, 1])
    np.testing.assert_allclose(table, [[0.06, 0.5, 2], [0.975, 1, 2]])


def test_thresholds_of_a_curve_fall_and_its_area_is_the_average_precision():
    targets = RNG(0).random(150) < 0.4
    probabilities = np.clip(0.3 * targets + RNG(1).random(150) * 0.7, 0, 1)
    recall, precision, thresholds = precision_recall(targets, probabilities).T
    assert (np.diff(thresholds) < 0).all()
    area = (np.diff(recall, prepend=0) * precision).sum()
    assert area == pytest.approx(average_precision_score(targets, probabilities))


def test_f1_by_number_scores_the_clips_with_that_many_instruments():
    targets, present = RNG(0).random((60, 4)) < 0.5, RNG(1).random((60, 4)) < 0.5
    found = f1_by_number(targets, present)
    assert min(found) == 1  # clips in which nothing plays have no F1
    for number, f1 in found.items():
        chosen = targets.sum(axis=1) == number
        expected = f1_score(targets[chosen], present[chosen], average="micro", zero_division=0)
        assert f1 == pytest.approx(expected)


def test_an_instrument_that_never_plays_has_no_curve_and_silent_clips_have_no_f1(recwarn):
    assert precision_recall(np.zeros(5), RNG(0).random(5)).shape == (0, 3)
    assert f1_by_number([[0, 0, 0, 0], [1, 0, 0, 0]], [[0, 0, 0, 0], [1, 0, 0, 0]]) == {1: 1}
    assert not recwarn


def test_f1_by_level_matches_a_case_computed_by_hand():
    def mixture(number, **gains):
        return [Part(number, 0, name, gain, 0.0, "a.wav", 0.0) for name, gain in gains.items()]

    levels = levels_below_loudest([mixture(0, guitar=2.0, drums=-5.0), mixture(1, guitar=1.0, piano=1.0)], INSTRUMENTS)
    np.testing.assert_array_equal(levels, [[0, 7, np.nan, np.nan], [0, np.nan, np.nan, 0]])
    present = [[1, 0, 1, 0], [1, 0, 0, 1]]  # drums at -7 dB are missed; violin is a false alarm
    f1 = f1_by_level(levels, present)
    assert f1[0].tolist()[:2] == [1.0, pytest.approx(np.nan, nan_ok=True)]
    assert f1[0, 4] == pytest.approx(6 / 7)  # three hits and the violin
    assert f1[2, 1] == 0
    assert np.isnan(f1[1]).all()
