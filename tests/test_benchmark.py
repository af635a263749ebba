"""timbre benchmark: scores of any labelled folder; unknown instruments are not scored."""

import json

import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS, tone
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score
from typer.testing import CliRunner

from timbre.benchmark.labelled_folder import read_labelled_folder
from timbre.benchmark.run import run_benchmark
from timbre.cli import app
from timbre.core.errors import DataError
from timbre.core.partial_labels import partial_targets
from timbre.evaluation.metrics import layered_metrics, ranking_metrics
from timbre.evaluation.scoring import RecordingPredictions, score, scores_as_table, scores_as_values

ROWS = "path,present,absent,source\na.wav,piano;violin,drums,x\nb.wav,,guitar; drums;violin;piano,y\n"


def test_scores_equal_scikit_learns_over_the_known_targets():
    rng = np.random.default_rng(0)
    plays, known = rng.random((90, 4)) < 0.4, rng.random((90, 4)) < 0.7
    probabilities = (plays * 0.3 + rng.random((90, 4)) * 0.7).round(2)
    present = probabilities >= 0.5
    targets = np.where(known, plays, np.nan)
    scores = score(targets, RecordingPredictions(probabilities, present), [f"{row % 9}" for row in range(90)])
    for name, metric, values in (
        ("auc", roc_auc_score, probabilities),
        ("average_precision", average_precision_score, probabilities),
        ("precision", precision_score, present),
        ("recall", recall_score, present),
        ("f1", f1_score, present),
    ):
        expected = [metric(plays[rows, label], values[rows, label]) for label, rows in enumerate(known.T)]
        overall, by_instrument = scores[name]
        assert by_instrument.value == pytest.approx(expected)
        assert overall.value == pytest.approx(np.mean(expected))
        assert (by_instrument.low < by_instrument.high).all()
    assert scores["micro_f1"].overall.value == pytest.approx(f1_score(plays[known], present[known]))
    false_positives = [present[rows & ~plays[:, label], label].mean() for label, rows in enumerate(known.T)]
    assert scores["false_positive_rate"].by_instrument.value == pytest.approx(false_positives)
    metrics = layered_metrics(targets, present, INSTRUMENTS) | ranking_metrics(targets, probabilities)
    for name, key in (
        ("auc", "mean_auc"),
        ("average_precision", "mean_average_precision"),
        ("micro_f1", "micro_f1"),
        ("f1", "macro_f1"),
    ):
        assert scores[name].overall.value == pytest.approx(metrics[key], abs=1e-4)
    assert [metrics[name]["recall"] for name in INSTRUMENTS] == pytest.approx(
        scores["recall"].by_instrument.value, abs=1e-4
    )


def test_predictions_of_unknown_instruments_change_no_score():
    targets = np.eye(8, 4)
    targets[3, 1] = np.nan
    probabilities = np.random.default_rng(0).random((8, 4))
    other = probabilities.copy()
    other[3, 1] = 1 - other[3, 1]
    first, second = (
        score(targets, RecordingPredictions(values, values > 0.5, values > 0.5), list("aabbccdd"))
        for values in (probabilities, other)
    )
    assert str(first) == str(second)


def test_an_instrument_without_a_score_is_none_in_the_table_and_missing_in_json():
    targets, present = np.eye(4)[[0, 1, 1, 3]], np.eye(4, dtype=bool)[[0, 1, 0, 3]]  # violin never plays
    scores = score(targets, RecordingPredictions(present * 0.9, present, present), list("abcd"))
    assert scores["single_label_recall"].by_instrument.value == pytest.approx([1, 0.5, np.nan, 1], nan_ok=True)
    assert scores_as_table(scores, INSTRUMENTS).splitlines()[2].split(" | ")[4] == "none"
    values = scores_as_values(scores, INSTRUMENTS)
    assert "violin" not in values["auc"] and values["auc"]["piano"]["value"] == 1
    assert list(values["micro_f1"]) == ["all"]
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def write_wav(path, hertz=440.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(hertz, 1.0, 16000), 16000)


def test_music_is_read_with_what_is_present_absent_and_unknown(tmp_path):
    (tmp_path / "labels.csv").write_text(ROWS)
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / name)
    found = read_labelled_folder(tmp_path, INSTRUMENTS)
    assert not found.is_single_label
    targets = partial_targets([recording.label for recording in found.recordings], INSTRUMENTS)
    assert np.array_equal(targets, [[np.nan, 0, 1, 1], [0] * 4], equal_nan=True)
    assert [recording.group for recording in found.recordings] == ["x", "y"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("path,present\na.wav,piano\n", "has no column absent"),
        (ROWS.replace("drums", "zither"), "class 'zither' is none of"),
        (ROWS.replace("a.wav", "c.wav"), r"c\.wav does not exist"),
        (ROWS.replace("piano;violin,drums", "piano,piano"), "cannot be present and absent"),
    ],
)
def test_a_wrong_labels_csv_gives_a_one_line_error(tmp_path, rows, reason):
    (tmp_path / "labels.csv").write_text(rows)
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / name)
    with pytest.raises(DataError, match=reason):
        read_labelled_folder(tmp_path, INSTRUMENTS)


def test_kaggles_layout_is_read_with_its_faults_repaired_and_its_groups(sample):
    found = read_labelled_folder(sample, INSTRUMENTS)
    assert len(found.recordings) == 195 and found.is_single_label  # five of them cannot be decoded
    assert {recording.label for recording in found.recordings} == {*INSTRUMENTS}
    assert len({recording.group for recording in found.recordings}) < 150
    assert all((sample / recording.path).is_file() for recording in found.recordings)


def by_instrument(folder, names=INSTRUMENTS):
    """Write two recordings of each instrument and one of another instrument."""
    for number, name in enumerate((*names, "other")):
        write_wav(folder / name / "a.wav", 200.0 + 100 * number)
        write_wav(folder / name / "take 2/b.wav", 250.0 + 100 * number)


def test_single_recordings_are_scored_alone_and_in_mixtures(models, tmp_path):
    by_instrument(tmp_path / "takes")
    (tmp_path / "takes/piano/broken.wav").write_text("not audio")
    found = run_benchmark(tmp_path / "takes", models)
    assert (found.recordings, found.groups, len(found.unreadable)) == (10, 10, 1)
    assert found.scores["recall"].by_instrument.value[1] == 1  # these models always predict drums
    assert 0 <= found.scores["single_label_recall"].overall.value <= 1
    assert found.predicted_where_none_plays >= 1
    assert found.mixtures["micro_f1"].overall.value > 0 and "single_label_recall" not in found.mixtures
    text = found.as_markdown()
    assert text.startswith("10 recordings of 10 sources (a folder for each instrument), by the models in ")
    assert "150 mixtures of these recordings" in text and "piano/broken.wav" in text


def test_mixtures_have_the_instruments_that_have_recordings(models, tmp_path):
    by_instrument(tmp_path / "takes", ("guitar", "drums"))
    recall = run_benchmark(tmp_path / "takes", models).mixtures["recall"].by_instrument
    assert np.isnan(recall.value).tolist() == [False, False, True, True]
    by_instrument(tmp_path / "take", ("guitar",))
    assert not run_benchmark(tmp_path / "take", models).mixtures


def test_the_command_prints_markdown_or_json_and_refuses_unknown_data_sets(models, tmp_path):
    (tmp_path / "music/labels.csv").parent.mkdir()
    (tmp_path / "music/labels.csv").write_text(ROWS)
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / "music" / name)
    command = ["benchmark", str(tmp_path / "music"), "--models", str(models)]
    printed = CliRunner().invoke(app, command)
    assert printed.output.startswith("2 recordings of 2 sources (labelled by labels.csv), by the models in ")
    values = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert values["recordings"] == 2 and "single_label_recall" not in values["scores"] and "mixtures" not in values
    refused = CliRunner().invoke(app, ["benchmark", "nsynth", str(tmp_path / "music")])
    assert refused.exit_code == 2 and "openmic" in refused.output
    wrong = CliRunner().invoke(app, ["benchmark", "irmas", str(tmp_path / "music")])
    assert "not IRMAS; leave out irmas" in str(wrong.exception)
