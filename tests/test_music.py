"""The measure of real music, `benchmarks/music.py`: what is not known is not scored."""

import sys

import numpy as np
import pytest
from helpers import INSTRUMENTS, ROOT
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

sys.path.insert(0, str(ROOT / "benchmarks"))
from music import read_music

from timbre.benchmark import Music, RecordingPredictions, measure
from timbre.core.errors import DataError
from timbre.evaluation.metrics import layered_metrics, ranking_metrics

ROWS = "path,present,absent,source\na.wav,piano;violin,drums,x\nb.wav,,guitar; drums;violin;piano,y\n"


def test_metrics_are_scikit_learns_over_what_is_known():
    rng = np.random.default_rng(0)
    truth, known = rng.random((90, 4)) < 0.4, rng.random((90, 4)) < 0.7
    probabilities = (truth * 0.3 + rng.random((90, 4)) * 0.7).round(2)
    present = probabilities >= 0.5
    targets = np.where(known, truth, np.nan)
    measured = measure(
        Music([], [f"{row % 9}" for row in range(90)], targets), RecordingPredictions(probabilities, present, present)
    )
    for name, metric, given in (
        ("AUC", roc_auc_score, probabilities),
        ("average precision", average_precision_score, probabilities),
        ("precision", precision_score, present),
        ("recall", recall_score, present),
        ("F1 (all: micro)", f1_score, present),
    ):
        each = [metric(truth[rows, label], given[rows, label]) for label, rows in enumerate(known.T)]
        together, by_instrument = measured[name]
        assert by_instrument.value == pytest.approx(each)
        assert together.value == pytest.approx(
            f1_score(truth[known], present[known]) if "F1" in name else np.mean(each)
        )
        assert (by_instrument.low < by_instrument.high).all()
    absent = [present[rows & ~truth[:, label], label].mean() for label, rows in enumerate(known.T)]
    assert measured["claimed where absent"][1].value == pytest.approx(absent)
    metrics = layered_metrics(targets, present, INSTRUMENTS) | ranking_metrics(targets, probabilities)
    for name, value in (("AUC", "mean_auc"), ("average precision", "mean_average_precision")):
        assert measured[name][0].value == pytest.approx(metrics[value], abs=1e-4)
    assert measured["F1 (all: micro)"][0].value == pytest.approx(metrics["micro_f1"], abs=1e-4)
    assert [metrics[name]["recall"] for name in INSTRUMENTS] == pytest.approx(measured["recall"][1].value, abs=1e-4)


def test_what_is_not_known_changes_nothing():
    targets = np.eye(8, 4)
    targets[3, 1] = np.nan
    probabilities = np.random.default_rng(0).random((8, 4))
    other = probabilities.copy()
    other[3, 1] = 1 - other[3, 1]
    music = Music([], list("aabbccdd"), targets)
    first, second = (
        measure(music, RecordingPredictions(given, given > 0.5, given > 0.5)) for given in (probabilities, other)
    )
    assert str(first) == str(second)


def test_labels_say_what_plays_what_does_not_and_by_silence_what_is_unknown(tmp_path):
    (tmp_path / "labels.csv").write_text(ROWS)
    for name in "ab":
        (tmp_path / f"{name}.wav").touch()
    music = read_music(tmp_path, INSTRUMENTS)
    assert np.array_equal(music.targets, [[np.nan, 0, 1, 1], [0] * 4], equal_nan=True)
    assert music.sources == ["x", "y"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("path,present\na.wav,piano\n", "has no column absent"),
        (ROWS.replace("drums", "zither"), "class 'zither' is none of"),
        (ROWS.replace("a.wav", "c.wav"), "c.wav is not there"),
        (ROWS.replace("piano;violin,drums", "piano,piano"), "cannot be present and absent"),
    ],
)
def test_labels_that_cannot_be_meant_are_one_line(tmp_path, rows, reason):
    (tmp_path / "labels.csv").write_text(rows)
    for name in "ab":
        (tmp_path / f"{name}.wav").touch()
    with pytest.raises(DataError, match=reason):
        read_music(tmp_path, INSTRUMENTS)
