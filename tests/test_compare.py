"""Comparing two models: pairs of clips, verdicts of known differences, and the clips that flipped."""

import numpy as np
import pytest
from helpers import INSTRUMENTS

from timbre.compare import as_text, compare, verdict
from timbre.core.errors import DataError
from timbre.evaluation.prediction_table import PredictionTable, predictions_as_csv, read_predictions
from timbre.evaluation.predictions import Predictions
from timbre.features.split import Split
from timbre.revisions import predictions_at

CLIPS = 400


def answers(wrong=(), clips=CLIPS):
    """Right answers to clips of every instrument in turn, but for `wrong`, which are taken for the next one."""
    truth = np.eye(4, dtype=bool)[np.arange(clips) % 4]
    present = truth.copy()
    present[list(wrong)] = np.roll(truth[list(wrong)], 1, axis=1)
    names = [f"clip {clip}" for clip in range(clips)]
    return PredictionTable(INSTRUMENTS, names, [""] * clips, truth, present, np.where(present, 0.9, 0.1))


def test_a_model_against_itself_moves_nothing():
    found = compare(answers(range(40)), answers(range(40)), 0)
    assert {verdict(moved) for _, moved in found.moved.values()} == {"the same"}
    assert all(tuple(moved) == (0, 0, 0) for _, moved in found.moved.values())
    assert found.mended == found.broken == []


def test_many_mended_clips_are_better_many_broken_ones_worse_and_a_few_within_noise():
    better = compare(answers(range(40)), answers(), 0)
    before, moved = better.moved["exact match"]
    assert (before, moved.value) == pytest.approx((0.9, 0.1))
    assert verdict(moved) == "better"
    assert verdict(compare(answers(), answers(range(40)), 0).moved["macro F1"][1]) == "worse"
    assert verdict(compare(answers([0, 1, 2]), answers([3, 4]), 0).moved["micro F1"][1]) == "within noise"


def test_flips_are_named_both_ways():
    found = compare(answers([1, 2, 3]), answers([3, 4]), 0)
    assert found.mended == ["clip 1", "clip 2"]
    assert found.broken == ["clip 4"]
    text = as_text("single, HEAD~1 against HEAD", found)
    assert "single, HEAD~1 against HEAD, paired over 400 test clips\n" in text
    assert "now right: 2 clips\n    clip 1\n    clip 2\n" in text
    assert "now wrong: 1 clip\n    clip 4" in text


def test_a_figure_that_one_of_the_two_has_not_is_left_out():
    truth = np.eye(4, dtype=bool)[np.arange(30) % 3]
    right = PredictionTable(
        INSTRUMENTS, [f"clip {clip}" for clip in range(30)], [""] * 30, truth, truth.copy(), np.where(truth, 0.9, 0.1)
    )
    found = compare(right, right, 0)
    assert "F1 of piano" not in found.moved
    assert found.moved["macro F1"][0] == found.moved["micro F1"][0] == 1
    assert "nan" not in as_text("single", found)


def test_clips_are_paired_by_name_whatever_their_order_and_others_left_out():
    first, second = answers([7]), answers([7]).take(range(CLIPS - 1, 99, -1))
    second.targets[0] = ~second.targets[0]
    found = compare(first, second, 0)
    assert found.clips == 299
    assert found.left_out == 100 + 2
    assert {verdict(moved) for _, moved in found.moved.values()} == {"the same"}


def test_two_without_a_clip_in_common_are_refused():
    other = answers()
    other.clips[:] = [f"other {name}" for name in other.clips]
    with pytest.raises(DataError, match="share no test clip"):
        compare(answers(), other, 0)


def test_a_table_of_answers_reads_back_and_anything_else_is_refused():
    rng = np.random.default_rng(0)
    probabilities = rng.random((6, 4)).round(4)
    split = Split(np.zeros((6, 1, 1)), np.arange(6), (rng.random((6, 4)) < 0.5).astype(np.float32), [], INSTRUMENTS)
    predictions = Predictions(split, probabilities, probabilities > 0.5, (0.5,) * 4)
    names = ['a, "b".wav', *"bcdef"]
    table = predictions_as_csv(predictions, names, list("uvwxyz"))
    read = read_predictions(table, "HEAD")
    assert (read.clips, read.groups) == (names, list("uvwxyz"))
    assert np.array_equal(read.targets, split.targets.astype(bool))
    assert np.array_equal(read.present, predictions.present)
    assert np.array_equal(read.probabilities, probabilities)
    for broken in ("epoch,f1\n1,0.5\n", table.replace("violin", "viola", 1), table + table.splitlines()[1]):
        with pytest.raises(DataError, match="HEAD: "):
            read_predictions(broken, "HEAD")


def test_the_workspace_is_that_of_the_repository_around_and_other_places_say_what_they_lack(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    for folder in (".dvc", "plots", "src/timbre"):
        (repository / folder).mkdir(parents=True)
    split = Split(np.zeros((1, 1, 1)), np.zeros(1, int), np.eye(4, dtype=np.float32)[:1], [], INSTRUMENTS)
    predictions = Predictions(split, np.eye(4)[:1], np.eye(4, dtype=bool)[:1], ())
    (repository / "plots/single_answers.csv").write_text(predictions_as_csv(predictions, ["a.wav"], [""]))
    monkeypatch.chdir(repository / "src/timbre")
    assert predictions_at("workspace", "single").clips == ["a.wav"]
    for revision, message in (
        ("", "an empty name is no revision"),
        (" ", "an empty name is no revision"),
        ("HEAD", "HEAD: git cannot be asked .* not a git repository"),
    ):
        with pytest.raises(DataError, match=message):
            predictions_at(revision, "single")
    with pytest.raises(DataError, match=r"layered_answers\.csv: cannot be read .*; run dvc repro"):
        predictions_at("workspace", "layered")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"{tmp_path}: no repository of Timbre here or above"):
        predictions_at("HEAD", "single")
