"""timbre adapt: fits the last layer to corrected songs, tests it by group, and keeps the old models in doubt."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS, ROOT, save_drawn_models, tone
from typer.testing import CliRunner

from timbre.adapt import own_classes
from timbre.adapt.choose import OLD, chosen, compare, cross_fitted
from timbre.adapt.fit import CANDIDATES, Corrections, _logistic, fit_shifts, fit_weights
from timbre.adapt.output import check_output
from timbre.adapt.own_classes import FEW_CLIPS, STAGES, train_own_classes
from timbre.adapt.run import adapt
from timbre.adapt.songs import LAYERED_WEIGHT, FeatureReader, LastLayer, SongFeatures, start_models
from timbre.audio.decode import decode
from timbre.cli import app
from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.model.checkpoint import load_model
from timbre.songs.predictor import Predictor

RNG = np.random.default_rng(0)
LAYER = LastLayer(RNG.normal(size=(2, 5)).astype(np.float32), np.array([0.5, -1], np.float32), np.zeros(2))


def songs(number, windows=7):
    rows = [RNG.normal(size=(count, 5)).astype(np.float32) for count in [windows, 9 * windows] * number]
    return [SongFeatures(*pair, RNG.normal(size=2)) for pair in zip(rows[::2], rows[1::2], strict=True)]


@pytest.mark.parametrize("windows", [1, 2, 7])
def test_the_features_that_decide_have_the_logits_of_the_song(windows):
    (song,) = songs(1, windows)
    logits = (song.decisive(LAYER) * LAYER.weight).sum(axis=1) + LAYER.bias
    assert LAYERED_WEIGHT * logits + song.others == pytest.approx(song.logits(LAYER), abs=1e-5)


def test_logistic_regression_has_no_slope_at_its_result():
    design, logits = RNG.normal(size=(30, 3)), RNG.normal(size=30)
    targets, precisions = (RNG.random(30) < 0.7).astype(float), np.array([0.5, 1.0, 2.0])
    targets[:5] = np.nan
    found = _logistic(design, logits, targets, precisions)
    errors = 1 / (1 + np.exp(-logits - design @ found)) - targets
    assert design[5:].T @ errors[5:] + precisions * found == pytest.approx(np.zeros(3), abs=1e-3)
    assert not _logistic(design, logits, targets * np.nan, precisions).any()


@pytest.mark.parametrize("fit", [fit_shifts, fit_weights])
def test_songs_move_the_layer_and_unknown_instruments_stay(fit):
    targets = np.column_stack([np.ones(12), np.full(12, np.nan)])
    corrections = Corrections(songs(12), targets, [f"{song}" for song in range(12)])
    fitted = fit(LAYER, corrections)
    assert (corrections.logits(fitted) - corrections.logits(LAYER))[:, 0].mean() > 0.5
    assert corrections.logits(fitted)[:, 1] == pytest.approx(corrections.logits(LAYER)[:, 1])


def test_no_song_is_scored_by_a_layer_that_learnt_from_its_group():
    groups = list("aabbcdde")
    corrections = Corrections(songs(8), np.ones((8, 2)), groups)
    learnt = []

    def fit(layer, others):
        learnt.append({*others.groups})
        return layer._replace(bias=layer.bias + len(learnt))

    logits = cross_fitted(LAYER, corrections, fit)
    fold = ((logits - corrections.logits(LAYER))[:, 0] / LAYERED_WEIGHT).round().astype(int) - 1
    assert all(group not in learnt[number] for group, number in zip(groups, fold, strict=True))
    assert learnt == [{*"abcde"} - {left_out} for left_out in "abcde"]


def test_a_candidate_is_chosen_only_if_it_is_surely_better_than_those_before_it():
    right = Corrections(songs(20), np.ones((20, 2)), [f"{song}" for song in range(20)])
    shift = {name: partial(shifted, by=by) for name, by in (("up", 1), ("same", 1), ("down", -1), ("more", 2))}
    trials = compare(LAYER, right, shift)
    assert [trial.is_better for trial in trials] == [False, True, False, False, True]
    assert chosen(trials) == "more" and chosen(trials[:3]) == "up" and chosen(trials[:1]) == OLD
    assert trials[1].f1 > trials[0].f1 and trials[1].log_loss < trials[0].log_loss
    noise = right._replace(targets=(RNG.random((20, 2)) < 0.5).astype(float))
    assert chosen(compare(LAYER, noise, CANDIDATES)) == OLD


def shifted(layer, _, by):
    return layer._replace(bias=layer.bias + by)


@pytest.fixture
def start(tiny, tmp_path):
    (tmp_path / "start").mkdir()
    save_drawn_models(
        tmp_path / "start", tiny, INSTRUMENTS, (0.3, 0.3, 0.7, 0.7), sure=dict.fromkeys(INSTRUMENTS, (0.1, 0.9))
    )
    return tmp_path / "start"


@pytest.fixture
def folder(tmp_path):
    """Twelve songs that the models of `start` predict alike."""
    (tmp_path / "album").mkdir()
    for number in range(12):
        soundfile.write(tmp_path / f"album/{number}.wav", tone(300 + 25 * number, 1.5, 16000), 16000)
    return tmp_path / "album"


def label(folder, present, absent, songs=12):
    rows = [f"{number}.wav,{';'.join(present)},{';'.join(absent)}" for number in range(songs)]
    (folder / "labels.csv").write_text("\n".join(["path,present,absent", *rows]) + "\n")


def predicted(folder, models):
    song = Predictor(models).listen(folder / "0.wav")
    return song.present, [name for name in INSTRUMENTS if name not in song.present]


def test_models_that_are_better_are_written_and_predict_says_so(start, folder):
    present, absent = predicted(folder, start)
    label(folder, absent, present)  # people say the contrary of what the models predict
    labels = (folder / "labels.csv").read_bytes()
    printed = CliRunner().invoke(app, ["adapt", str(folder), "--models", str(start)])
    assert printed.exit_code == 0, printed.output
    assert "12 corrected songs of 12 groups, 48 answers" in printed.output
    models = folder / "models"
    assert sorted(path.name for path in models.iterdir()) == [path.name for path in sorted(start.iterdir())]
    for name in ("single.safetensors", "timeline.safetensors"):
        assert (models / name).read_bytes() == (start / name).read_bytes()
    assert predicted(folder, models) == (absent, present)
    description = load_model(models / "layered.safetensors").description
    assert description.adapted == "12 songs of album" and not description.sure
    assert (folder / "labels.csv").read_bytes() == labels
    said = CliRunner().invoke(app, ["predict", str(folder / "0.wav"), "--models", str(models)])
    assert f"models: those in {models}, adapted to 12 songs of album" in said.output
    before = (models / "layered.safetensors").read_bytes()
    assert adapt(folder, folder / "models", start).output == models
    assert (folder / "models.before-adapt/layered.safetensors").read_bytes() == before
    with pytest.raises(DataError, match="models: adapted to 12 songs of album already"):
        adapt(folder, folder / "models", models)


def test_the_old_models_are_kept_where_they_are_right(start, folder):
    label(folder, *predicted(folder, start))
    printed = CliRunner().invoke(app, ["adapt", str(folder), "--models", str(start)])
    assert printed.exit_code == 0 and f"kept the models in {start}: no change is surely better" in printed.output
    assert not (folder / "models").exists()


def test_adapted_models_of_the_working_directory_are_not_adapted_again(start, folder, monkeypatch):
    label(folder, *reversed(predicted(folder, start)))
    adapt(folder, folder / "models", start)
    monkeypatch.chdir(folder)
    assert start_models(None) == RELEASED


@pytest.mark.parametrize(
    ("present", "absent", "number", "reason"),
    [
        (["piano"], [], 4, "album: has corrected songs of 4 groups, but 5 are needed"),
        ([], ["piano"], 6, "album: no song has an instrument that is present"),
        (["zither"], [], 6, r"labels\.csv:2: 0\.wav: class 'zither' is none of"),
        (["piano"], [], 13, r"12\.wav does not exist"),
        ([], [], 6, "has no labels for guitar"),
    ],
)
def test_labels_that_cannot_be_used_are_a_one_line_error(start, folder, present, absent, number, reason):
    label(folder, present, absent, number)
    with pytest.raises(DataError, match=reason) as error:
        adapt(folder, folder / "models", start)
    assert "\n" not in str(error.value)


def test_outputs_that_cannot_be_written_are_refused_before_the_work(start, folder):
    with pytest.raises(DataError, match="not a folder; name another one with --output"):
        check_output(folder / "0.wav", start)
    with pytest.raises(DataError, match="has the models to change"):
        check_output(start, start)


def test_features_with_the_last_layer_are_the_logits_of_the_predictor(start, folder):
    reader = FeatureReader(start)
    logits = reader.read(folder / "0.wav").logits(reader.layer)
    probabilities = list(Predictor(start).listen(folder / "0.wav").layered.values())
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(probabilities, abs=1e-4)


def test_reading_features_predicts_a_song_once_and_leaves_its_answer_as_it_is(start, folder, monkeypatch):
    reader, decoded = FeatureReader(start), []
    song, expected = (each.listen(folder / "0.wav") for each in (reader, Predictor(start)))
    assert (song.layered, song.single, song.sections) == (expected.layered, expected.single, expected.sections)
    assert np.array_equal(song.timeline, expected.timeline)
    monkeypatch.setattr("timbre.songs.predictor.decode", lambda *song: decoded.append(song) or decode(*song))
    reader.read(folder / "0.wav")
    assert len(decoded) == 1


def test_a_folder_per_instrument_runs_the_stages_with_sizes_for_few_clips(tmp_path, monkeypatch):
    for name in ("saw/a.wav", "train/kazoo/monday/b.mp3", "other/c.wav", "models/d.safetensors", "notes.txt"):
        (tmp_path / "takes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "takes" / name).touch()
    seen = []

    def stage(params):
        seen.append(params)
        Path("models").mkdir(exist_ok=True)
        for task in ("single", "layered", "timeline"):
            Path(f"models/{task}.safetensors").write_text(task)
        return "done"

    modules = {f"stages.{name}": SimpleNamespace(**{name: stage}) for name in STAGES}
    monkeypatch.setattr(own_classes, "import_module", modules.get)
    lines = []
    train_own_classes(tmp_path / "takes", tmp_path / "takes/models", ROOT, FEW_CLIPS, lines.append)
    assert lines == [f"{name}: done" for name in STAGES]
    assert len({*map(str, seen)}) == 1
    assert seen[0].instruments == ("kazoo", "saw") and seen[0].data.folder == str(tmp_path / "takes")
    assert seen[0].start == "released" and seen[0].mixtures.fresh == 1600 and seen[0].timeline.train == 80
    assert (tmp_path / "takes/models/single.safetensors").read_text() == "single"
    assert (tmp_path / "takes/models.before-adapt/d.safetensors").exists()


@pytest.mark.parametrize(("names", "reason"), [(["kazoo"], "has 1 subfolders"), ([], "has 0 subfolders")])
def test_too_few_own_classes_are_a_one_line_error(tmp_path, names, reason):
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").touch()
    with pytest.raises(DataError, match=reason):
        train_own_classes(tmp_path, tmp_path / "models", ROOT, FEW_CLIPS, print)
    with pytest.raises(DataError, match="not a clone of Timbre"):
        train_own_classes(tmp_path, tmp_path / "models", tmp_path, FEW_CLIPS, print)
