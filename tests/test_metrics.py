import numpy as np
import pytest
from helpers import INSTRUMENTS

from timbre.evaluation.metrics import layered_metrics, single_metrics
from timbre.evaluation.predictions import Predictions
from timbre.features.split import Split, mean_by_clip
from timbre.model.tasks import decide


def test_single_metrics_match_a_case_computed_by_hand():
    labels = [0, 0, 0, 0, 1, 1, 2, 3]
    predicted = [0, 0, 0, 1, 1, 1, 3, 3]
    metrics = single_metrics(labels, predicted, INSTRUMENTS)
    assert metrics["accuracy"] == 0.75
    assert metrics["guitar"] == {"precision": 1.0, "recall": 0.75, "f1": 0.8571}
    assert metrics["drums"] == {"precision": 0.6667, "recall": 1.0, "f1": 0.8}
    assert metrics["violin"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert metrics["piano"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667}
    assert metrics["macro_f1"] == pytest.approx((0.8571 + 0.8 + 0 + 0.6667) / 4, abs=1e-4)


def test_layered_metrics_match_a_case_computed_by_hand():
    targets = np.array([[1, 1, 0, 0], [1, 0, 1, 0]])
    present = np.array([[1, 0, 0, 0], [1, 1, 1, 0]])
    metrics = layered_metrics(targets, present, INSTRUMENTS)
    assert metrics["micro_f1"] == 0.75  # 3 hits, 1 miss, 1 false alarm
    assert metrics["guitar"]["f1"] == metrics["violin"]["f1"] == 1.0
    assert metrics["drums"]["f1"] == 0.0
    assert "piano" not in metrics  # never plays and is never predicted
    assert metrics["macro_f1"] == 0.6667


def test_an_instrument_that_never_plays_has_no_f1_unless_predicted_when_it_is_zero():
    targets = np.array([[1, 0, 0, 0], [1, 1, 1, 0]])
    perfect = layered_metrics(targets, targets, INSTRUMENTS)
    assert [perfect[name] for name in ("macro_f1", "micro_f1", "exact_match")] == [1, 1, 1]
    false_alarm = layered_metrics(targets, targets | np.eye(4, dtype=int)[[3, 0]], INSTRUMENTS)
    assert false_alarm["piano"] == {"precision": 0, "recall": 0, "f1": 0}
    assert false_alarm["macro_f1"] == 0.75
    assert single_metrics([0, 1, 2], [0, 1, 2], INSTRUMENTS)["macro_f1"] == 1
    assert single_metrics([0, 1, 2], [0, 1, 3], INSTRUMENTS)["macro_f1"] == 0.5
    assert layered_metrics(np.zeros((3, 4)), np.zeros((3, 4)), INSTRUMENTS) == {"exact_match": 1}


def test_windows_are_averaged_by_clip():
    values = np.array([[1.0, 0], [3, 0], [10, 5]])
    assert mean_by_clip(values, np.array([0, 0, 1])).tolist() == [[2, 0], [10, 5]]


def test_predictions_are_the_most_probable_instrument_or_all_from_their_thresholds():
    probabilities = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    assert decide(probabilities, ()).tolist() == [[True, False, False, False], [False, False, False, True]]
    several = decide(probabilities, (0.4, 0.25, 0.25, 0.25))
    assert several.tolist() == [[True, True, False, False], [False, False, True, True]]


def test_the_hardest_clips_come_first():
    targets = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], np.float32)
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.8, 0.2, 0, 0], [0.4, 0.1, 0.5, 0]])
    split = Split(np.zeros((3, 1, 1)), np.arange(3), targets, ["a", "b", "c"], INSTRUMENTS)
    predictions = Predictions(split, probabilities, decide(probabilities, ()), ())
    assert predictions.hardest_first.tolist() == [1, 2, 0]
    assert predictions.correct.tolist() == [True, False, True]
    assert predictions.metrics["accuracy"] == pytest.approx(0.6667)
