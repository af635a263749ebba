"""timbre compare: changed clips, paired scores, all combinations of model and test set, params and code."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import INSTRUMENTS
from repository import Repository
from typer.testing import CliRunner

from timbre.cli import app
from timbre.compare.clips import ClipVersion, compare_clips
from timbre.compare.combinations import MAIN_METRICS, NEW, OLD, combine
from timbre.compare.comparison import compare_revisions
from timbre.compare.report import as_markdown, as_text, blocks_of
from timbre.compare.revision import Revision
from timbre.compare.scores import TABLE_METRICS, compare_scores, value_of, verdict
from timbre.core.errors import DataError
from timbre.core.tables import FileInfo, Part, Window, write_table
from timbre.evaluation.prediction_table import PredictionTable, predictions_as_csv, read_predictions
from timbre.evaluation.predictions import Predictions, predict_split
from timbre.features.mel import filter_bank
from timbre.features.split import Split, load_layered, load_single
from timbre.model.checkpoint import ModelConfig, load_model, save_model
from timbre.model.network import TimbreNet

CLIPS = 400


def predicted(wrong=(), clips=CLIPS):
    """Return right predictions of clips of every instrument in turn, except `wrong`, taken for the next instrument."""
    targets = np.eye(4, dtype=bool)[np.arange(clips) % 4]
    present = targets.copy()
    present[list(wrong)] = np.roll(targets[list(wrong)], 1, axis=1)
    names = [f"clip {clip}" for clip in range(clips)]
    return PredictionTable(INSTRUMENTS, names, [""] * clips, targets, present, np.where(present, 0.9, 0.1))


def test_a_model_compared_with_itself_is_the_same():
    found = compare_scores(predicted(range(40)), predicted(range(40)), 0)
    assert {verdict(change) for _, change in found.metrics.values()} == {"the same"}
    assert all(tuple(change) == (0, 0, 0) for _, change in found.metrics.values())
    assert found.fixed == found.broken == []
    assert not found.new_clips


def test_many_fixed_clips_are_better_many_broken_ones_worse_and_a_few_within_noise():
    better = compare_scores(predicted(range(40)), predicted(), 0)
    before, change = better.metrics["exact match"]
    assert (before, change.value) == pytest.approx((0.9, 0.1))
    assert verdict(change) == "better"
    assert verdict(compare_scores(predicted(), predicted(range(40)), 0).metrics["macro F1"].change) == "worse"
    noise = compare_scores(predicted([0, 1, 2]), predicted([3, 4]), 0)
    assert verdict(noise.metrics["micro F1"].change) == "within noise"


def test_a_metric_that_one_of_the_two_lacks_is_left_out():
    targets = np.eye(4, dtype=bool)[np.arange(30) % 3]
    names = [f"clip {clip}" for clip in range(30)]
    right = PredictionTable(INSTRUMENTS, names, [""] * 30, targets, targets.copy(), np.where(targets, 0.9, 0.1))
    found = compare_scores(right, right, 0)
    assert "F1 of piano" not in found.metrics
    assert found.metrics["macro F1"].before == found.metrics["micro F1"].before == 1


def test_clips_are_paired_by_name_in_any_order_and_new_ones_are_scored_alone():
    first, second = predicted([7]), predicted([7, 120]).take(range(CLIPS - 1, 99, -1))
    second.targets[0] = ~second.targets[0]
    found = compare_scores(first, second, 0, changed=["clip 120"])
    assert (found.shared, found.only_first, found.only_second) == (298, 102, 2)
    assert {verdict(change) for _, change in found.metrics.values()} == {"the same"}
    assert found.new_clips["exact match"].value == 0


def test_two_without_a_shared_clip_have_only_scores_of_the_new_clips():
    other = predicted()
    other.clips[:] = [f"other {name}" for name in other.clips]
    found = compare_scores(predicted(), other, 0)
    assert found.shared == 0 and not found.metrics
    assert found.new_clips["macro F1"].value == 1
    with pytest.raises(DataError, match="the instruments differ"):
        compare_scores(predicted(), PredictionTable(("a", "b"), [], [], *[np.zeros((0, 2))] * 3), 0)


def test_a_prediction_table_reads_back_and_anything_else_is_refused():
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


def test_clips_are_matched_by_path_then_by_bytes():
    first = [
        ClipVersion("a.wav", "1", "guitar", "g", "train"),
        ClipVersion("b.wav", "2", "piano", "", "test"),
        ClipVersion("c.wav", "3", "piano", "h", "test"),
        ClipVersion("old.wav", "4", "drums", "", "train"),
        ClipVersion("gone.wav", "5", "drums", "", "train"),
    ]
    second = [
        ClipVersion("a.wav", "1", "guitar", "g", "test"),
        ClipVersion("b.wav", "9", "violin", "", "test"),
        ClipVersion("c.wav", "", "piano", "i", "test"),
        ClipVersion("new.wav", "4", "drums", "", "test"),
        ClipVersion("music.wav", "6", "guitar|piano", "", "train"),
    ]
    found = compare_clips(first, second)
    assert found.changed == {
        "added": ["music.wav"],
        "removed": ["gone.wav"],
        "bytes": ["b.wav"],
        "label": ["b.wav"],
        "group": ["c.wav"],
        "split": ["a.wav", "new.wav"],
    }
    assert found.renamed == 1
    assert found.counts["added"] == {"music": 1} and found.before["piano"] == 2
    same = compare_clips(first, first)
    assert not any(same.changed.values())


@pytest.fixture
def project(tiny, tmp_path, monkeypatch):
    """Return a function that commits a version of data and models in a DVC repository, the current folder."""
    repository = Repository(tmp_path / "project")
    repository.folder.mkdir()
    monkeypatch.chdir(repository.folder)
    repository.run("git init --quiet")
    repository.run("dvc init --quiet")
    (repository.folder / "stages").mkdir()

    def commit(seed, labels, epochs, code):
        write_version(repository.folder, tiny, seed, labels)
        (repository.folder / "stages/train.py").write_text(code)
        (repository.folder / "params.yaml").write_text(yaml.safe_dump({"epochs": epochs}))
        repository.run("dvc commit --force --quiet")
        repository.commit(f"version-{seed}")

    return commit


STAGES = {
    "prepare": {"cmd": "true", "outs": ["data/raw", "data/clips"]},
    "extract_mels": {"cmd": "true", "deps": ["data/clips"], "outs": ["data/mels"]},
    "layer_mixtures": {"cmd": "true", "deps": ["data/clips"], "outs": ["data/layered"]},
    "train_layered": {
        "cmd": "true",
        "deps": ["data/mels", "data/layered", "stages/train.py"],
        "params": ["epochs"],
        "outs": ["models/layered.safetensors"],
    },
    "train_single": {"cmd": "true", "deps": ["data/mels"], "outs": ["models/single.safetensors"]},
}


def write_version(folder, tiny, seed, labels):
    """Write raw files, clips, mels, mixtures, drawn models and their predictions; `labels` has the test clips."""
    for name in ("data/raw", "data/clips", "data/mels", "data/layered", "models", "plots"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    for file in labels:
        (folder / "data/raw" / file).write_text(f"{file}{seed if file == 'changed.wav' else ''}")
    files = [FileInfo(file, label, "test", file, 16000, 1, 1.0, -6.0) for file, label in labels.items()]
    write_table(folder / "data/clips/files.csv", files, FileInfo)
    windows = [Window(row, 0.0, file.file, file.label, "test", file.group) for row, file in enumerate(files)]
    write_table(folder / "data/mels/test.csv", windows, Window)
    frames = 1 + tiny.audio.samples // tiny.mel.hop_length
    rng = np.random.default_rng(seed)
    mels = rng.uniform(-80, 0, (len(files), tiny.mel.n_mels, frames)).astype(np.float16)
    np.save(folder / "data/mels/test.npy", mels)
    np.save(folder / "data/layered/test.npy", mels)
    parts = [Part(row, row, file.label, 0.0, 0.0, file.file, 0.0) for row, file in enumerate(files)]
    write_table(folder / "data/layered/test.csv", parts, Part)
    (folder / "data/mels/train.npy").write_text(str(seed))
    torch.manual_seed(seed)
    splits = {
        "single": load_single(folder / "data/mels", "test", INSTRUMENTS),
        "layered": load_layered(folder / "data/layered", "test", INSTRUMENTS),
    }
    for task, thresholds in (("single", ()), ("layered", (0.3, 0.4, 0.5, 0.6))):
        description = ModelConfig(
            task=task, audio=tiny.audio, mel=tiny.mel, model=tiny.model, instruments=INSTRUMENTS, thresholds=thresholds
        )
        path = folder / f"models/{task}.safetensors"
        save_model(path, TimbreNet(tiny.model, 4), description, filter_bank(tiny.audio.sample_rate, tiny.mel))
        names = (
            [file.file for file in files]
            if task == "single"
            else [f"{row}: {part.file}" for row, part in enumerate(parts)]
        )
        table = predictions_as_csv(predict_split(load_model(path), splits[task]), names, [file.group for file in files])
        (folder / f"plots/{task}_answers.csv").write_text(table)


def test_data_models_params_and_code_of_two_versions(project):
    labels = {f"{number}.wav": INSTRUMENTS[number % 4] for number in range(12)}
    project(0, labels | {"changed.wav": "guitar", "relabelled.wav": "piano"}, 2, "first")
    shutil.copyfile("models/single.safetensors", "../old.safetensors")
    project(1, labels | {"changed.wav": "guitar", "relabelled.wav": "drums", "new.wav": "violin"}, 3, "second")
    found = compare_revisions("HEAD~1", "HEAD")
    assert found.clips.changed | {"group": [], "split": []} == {
        "added": ["new.wav"],
        "removed": [],
        "bytes": ["changed.wav"],
        "label": ["relabelled.wav"],
        "group": [],
        "split": [],
    }
    assert found.params == {"epochs": (2, 3)} and found.code == ["stages/train.py"] and not found.inputs
    single, layered = found.tasks
    assert (single.scores.shared, single.scores.only_first, single.scores.only_second) == (12, 2, 3)
    assert "training data" in single.cause and "params (epochs)" in layered.cause and "code" in layered.cause
    tables = {(model, test): None for model in (OLD, NEW) for test in (OLD, NEW)}
    assert set(single.combinations.scores) == set(layered.combinations.scores) == set(tables)
    new_test = load_single(Path("data/mels"), "test", INSTRUMENTS)
    predictions = predict_split(load_model(Path("../old.safetensors")), new_test)
    assert single.combinations.scores[OLD, NEW].value == pytest.approx(predictions.metrics["macro_f1"], abs=1e-4)
    difference = single.combinations.scores[NEW, NEW].value - single.combinations.scores[OLD, NEW].value
    assert single.combinations.model_change[NEW].value == pytest.approx(difference)

    text, markdown = as_text(found), as_markdown(found)
    order = [text.index(f"{title}: HEAD~1 -> HEAD") for title in ("data", "single", "layered", "params", "code")]
    assert order == sorted(order)
    assert text.index("single: old and new model on old and new test set") < text.index("layered: HEAD~1")
    assert "| epochs | 2 | 3 |" in markdown and "other label: 1" in markdown
    assert markdown.count("## ") == len(blocks_of(found))
    values = json.loads(CliRunner().invoke(app, ["compare", "HEAD~1", "HEAD", "--json"]).output)
    assert values["clips"]["counts"]["added"] == {"violin": 1} and "combinations" in values["tasks"]["layered"]

    same = compare_revisions("HEAD", "workspace")
    assert [task.cause for task in same.tasks] == ["the models are the same and so are the test sets"] * 2
    assert "the same 15 clips" in as_text(same)

    Revision("HEAD~1").file("models/single.safetensors").unlink()
    Revision("HEAD~1").file("data/clips/files.csv").unlink()
    without = compare_revisions("HEAD~1", "HEAD")
    assert without.clips is None and "not in the DVC cache" in without.notes[0]
    assert without.tasks[0].combinations is None and without.tasks[1].combinations
    assert "models/single.safetensors of HEAD~1 is not in the DVC cache" in as_text(without)


def test_a_gain_of_the_test_set_is_no_gain_of_the_model():
    easy, hard = predicted(range(40)), predicted(range(120))
    hard.groups[:] = [f"hard {clip}" for clip in range(CLIPS)]
    tables = {(model, test): table for model in (OLD, NEW) for test, table in ((OLD, easy), (NEW, hard))}
    found = combine(tables, "single", 0)
    assert all(tuple(change) == (0, 0, 0) for change in found.model_change.values())
    assert {verdict(change) for change in found.test_change.values()} == {"worse"}
    metric = TABLE_METRICS[MAIN_METRICS["single"]]
    assert found.scores[OLD, OLD].value == pytest.approx(value_of(metric(easy), CLIPS))


def test_what_a_revision_lacks_is_one_line(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    for folder in (".dvc", "plots", "src/timbre"):
        (repository / folder).mkdir(parents=True)
    split = Split(np.zeros((1, 1, 1)), np.zeros(1, int), np.eye(4, dtype=np.float32)[:1], [], INSTRUMENTS)
    predictions = Predictions(split, np.eye(4)[:1], np.eye(4, dtype=bool)[:1], ())
    (repository / "plots/single_answers.csv").write_text(predictions_as_csv(predictions, ["a.wav"], [""]))
    monkeypatch.chdir(repository / "src/timbre")
    assert Revision("workspace").predictions("single").clips == ["a.wav"]
    for name in ("", " "):
        with pytest.raises(DataError, match="an empty name is no revision"):
            Revision(name)
    with pytest.raises(DataError, match=r"HEAD: git fails \(.* not a git repository"):
        Revision("HEAD").predictions("single")
    with pytest.raises(DataError, match=r"layered_answers\.csv: cannot be read .*; run dvc repro"):
        compare_revisions("workspace", "workspace")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"{tmp_path}: no repository of Timbre in this folder or above"):
        Revision("HEAD")
