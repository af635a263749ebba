"""The weights in the package, their model card and the README's table belong to the committed runs."""

import json
import os
import re
import subprocess
import sys
from functools import reduce

import pytest
import yaml
from helpers import ROOT

from timbre.core.errors import AudioError
from timbre.core.files import RELEASED
from timbre.core.params import Params
from timbre.songs.predictor import OWN_MODELS, Predictor, find_models

sys.path.insert(0, str(ROOT / "scripts"))
import release_tests
import results
from data_page import data_page

import release

METRICS = [f"metrics/{name}.json" for name in ("data", "details", "intervals", "layered", "single")]
README = [*METRICS, "metrics/timeline.json"]
HISTORIES = ["plots/single_history.csv", "plots/layered_history.csv"]
RELEASE = ["params.yaml", "release/params.yaml", "release/dvc.lock", *(f"release/{name}" for name in README)]
CARD = ["src/timbre/weights/README.md"]
PAGES = ["README.md", "docs/results.md", "docs/data.md"]


def committed_files(root, folder):
    """Return the files as git has them. A run on another CPU leaves slightly different figures in the working tree."""
    command = ["git", "checkout-index", f"--prefix={folder}/", "--", *PAGES, *README, *HISTORIES, *RELEASE, *CARD]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return folder if done.returncode == 0 else root  # without git, use the files themselves


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    return committed_files(ROOT, tmp_path_factory.mktemp("committed"))


def test_the_readme_has_the_figures_of_the_committed_metrics(committed):
    readme = (committed / "README.md").read_text()
    updated = results.updated(readme, committed / "metrics", committed / "plots")
    assert updated == readme, "run python scripts/results.py"
    assert (
        results.updated(readme.replace("single 0.", "single 1."), committed / "metrics", committed / "plots") == readme
    )


def test_the_data_card_has_the_committed_metrics(committed):
    card = json.loads((committed / "metrics/data.json").read_text())
    assert data_page(card) == (committed / "docs/data.md").read_text(), "run python scripts/results.py"


def test_the_page_of_results_has_the_timelines_of_the_committed_metrics(committed):
    of_default = json.loads((committed / "metrics/timeline.json").read_text())["all"]
    figures = of_default["segment_f1"]["0.5 s"], of_default["event_f1"]["1 s"], of_default["median_boundary_error"]
    page = (committed / "docs/results.md").read_text()
    for name, value in zip(
        ("segment F1, segments of 0.5 s", "event F1", "median error of starts"), figures, strict=True
    ):
        assert re.search(rf"^\| {name}.* \| {value:.3f}[ s]* \|", page, re.MULTILINE), f"{name}: now {value:.3f}"


def test_the_card_is_that_of_the_locked_models_and_the_committed_metrics(committed, monkeypatch):
    monkeypatch.setattr(release, "RELEASE", committed / "release")
    assert (committed / CARD[0]).read_text() == release.card(), "run make release"


def test_these_tests_pass_after_a_run_on_another_cpu(tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    for path in (clone / name for name in README):
        path.write_text(re.sub(r"0\.\d+", lambda digits: str(float(digits[0]) * 0.999), path.read_text()))
    committed = committed_files(clone, tmp_path / "committed")
    test_the_readme_has_the_figures_of_the_committed_metrics(committed)
    test_the_card_is_that_of_the_locked_models_and_the_committed_metrics(committed, monkeypatch)


def test_the_weights_are_small_and_have_the_params_of_the_release():
    params = Params.model_validate(release.params())
    weights = [*RELEASED.glob("*.safetensors"), *RELEASED.glob("*.onnx")]
    assert len(weights) == 4
    assert sum(path.stat().st_size for path in weights) <= release.MAX_BYTES
    for task in release.TASKS:
        description = release.load(RELEASED / f"{task}.safetensors").description
        assert (description.task, description.audio, description.mel, description.model) == (
            task,
            params.audio,
            params.mel,
            params.model,
        )


def test_the_params_of_the_release_are_those_that_its_lock_recorded(committed):
    lock = yaml.safe_load((committed / "release/dvc.lock").read_text())["stages"]
    params = release.params(committed)
    for stage in lock.values():
        for key, value in stage.get("params", {"params.yaml": {}})["params.yaml"].items():
            assert reduce(dict.__getitem__, key.split("."), params) == value, (
                f"{key}: the weights were trained with {value}; add it to release/params.yaml, or run "
                "python scripts/release.py train"
            )


@pytest.fixture
def overlay(tmp_path):
    """Return a folder with a params.yaml and a release/params.yaml that changes some of it."""
    (tmp_path / "release").mkdir()
    (tmp_path / "params.yaml").write_text("epochs: 3\nmodel: {blocks: 4, channels: 16}\n")
    (tmp_path / "release/params.yaml").write_text("model: {channels: 32}\n")
    return tmp_path


def test_the_params_of_the_release_are_those_of_the_pipeline_with_some_changed(overlay):
    assert release.params(overlay) == {"epochs": 3, "model": {"blocks": 4, "channels": 32}}


def test_a_change_of_an_unknown_param_is_refused(overlay):
    (overlay / "release/params.yaml").write_text("model: {width: 32}\n")
    with pytest.raises(SystemExit, match=r"release/params\.yaml: width: params\.yaml has no such key"):
        release.params(overlay)


def scores(present, auc, false_positive_rate):
    values = {"auc": auc, "f1": auc, "false_positive_rate": false_positive_rate}
    by_name = {metric: {name: {"value": value} for name, value in each.items()} for metric, each in values.items()}
    return json.dumps({"present": present, "scores": by_name})


def test_an_instrument_is_little_tested_if_the_tests_that_decide_are_bad(tmp_path):
    music = scores(
        {"guitar": 9, "bass": 9, "voice": 9, "flute": 1},
        {"guitar": 0.5, "bass": 0.9, "voice": 0.8, "flute": 0.2},
        {"guitar": 0.5, "bass": 0.1, "voice": 0.0, "flute": 0.05, "organ": 0.05, "harp": 0.2},
    )
    names = ("guitar", "bass", "voice", "flute", "organ", "harp", "horn")
    font = scores(
        dict.fromkeys(names, 100),
        {**dict.fromkeys(names, 0.9), "organ": 0.8, "bass": 0.1},
        {**dict.fromkeys(names, 0.1), "horn": 0.2, "bass": 0.9},
    )
    (tmp_path / "music.json").write_text(music)
    (tmp_path / "font.json").write_text(font)
    hidden = release_tests.little_tested(names, ("guitar",), tmp_path)
    assert hidden == ("voice", "organ", "harp", "horn")
    rows = release_tests.table(names, hidden, tmp_path).splitlines()[2:]
    assert rows[1] == "| bass | 9 | 0.900 | 0.900 | 0.100 | 0.100 | 0.100 | 0.900 |"
    assert rows[3] == "| flute | 1 |  |  | 0.050 | 0.900 | 0.900 | 0.100 |"
    assert rows[4] == "| organ (little tested) | 0 |  |  | 0.050 | 0.800 | 0.800 | 0.100 |"


def test_the_weights_hide_the_little_tested_instruments():
    assert Predictor(RELEASED).engine.little_tested == release.hidden()


def test_the_weights_know_which_answers_are_sure():
    bounds = Predictor(RELEASED).engine.sure
    assert bounds == release_tests.measured_bounds()
    assert {name for name, each in bounds.items() if each == (None, None)} >= {*release.hidden()}


def test_a_command_prints_the_params_of_the_release(capsys):
    release.main(["params"])
    assert yaml.safe_load(capsys.readouterr().out) == release.params()


def test_your_own_models_are_used_before_the_released_ones(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_models() == RELEASED
    assert "released with timbre" in Predictor().source
    own = tmp_path / OWN_MODELS
    own.mkdir()
    for task in ("layered", "single"):
        (models / f"{task}.safetensors").rename(own / f"{task}.safetensors")
        assert find_models() == RELEASED  # the training is not finished
    (models / "timeline.safetensors").rename(own / "timeline.safetensors")
    assert find_models() == OWN_MODELS
    assert Predictor().source == "in models"


@pytest.mark.parametrize("kind", ["missing", "changed"])
def test_models_other_than_those_of_the_lock_are_not_released(kind, models, monkeypatch):
    monkeypatch.setattr(release, "ROOT", models.parent)
    monkeypatch.setattr(release, "CLONE", models.parent if kind == "missing" else models)
    monkeypatch.setattr(release, "locked", lambda: {"single": "0" * 32})
    with pytest.raises(SystemExit, match="is not the model of"):
        release.release()


STRANGE = {  # instruments that must be found in spite of the damage
    "click-42db-first-violin-12s.flac": {"violin"},
    "click-42db-middle-piano-16s.flac": {"piano"},
    "dc-offset-0.1-piano-peak-0.1-8s.flac": {"piano"},
    "dc-offset-violin-minus40db.wav": {"violin"},
    "flac-damaged-middle.flac": {"drums"},
    "float-glitch-60db-guitar.wav": {"guitar"},
    "float-glitch-60db-piano-12s.ogg": {"piano"},
    "mp3-two-joined-by-cat-violin-then-drums.mp3": {"drums", "violin"},
    "ogg-chained-violin-drums.ogg": {"drums", "violin"},
    "opus-without-eos.opus": {"drums"},
    "stereo-inverted-piano.flac": {"piano"},
    "stereo-inverted-violin-with-quiet-drums.flac": {"violin"},
    "stereo-opposite-phase.m4a": {"drums"},
    "two-tracks-first-silent.m4a": {"drums"},
}


def test_faults_of_recorders_cables_and_encoders_do_not_change_the_prediction(monkeypatch):
    folder = ROOT.parent / "shared" / "strange-files"
    if not folder.is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the files of ../shared/strange-files are not here")
    monkeypatch.setenv("PATH", "")
    predictor = Predictor(RELEASED)
    answers = {name: predictor.listen(folder / name) for name in STRANGE}
    assert {name: set(song.present) for name, song in answers.items()} == STRANGE
    assert all(song.instrument in STRANGE[name] for name, song in answers.items())
    for name, reason in (("constant.wav", "is silent"), ("300-samples.wav", "is too short to tell")):
        with pytest.raises(AudioError, match=reason):
            predictor.listen(folder / name)
