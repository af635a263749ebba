"""The weights that the package carries, their card, and the README's table: of the committed run, and no other."""

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
from timbre.core.params import load_params
from timbre.songs.predictor import OWN_MODELS, Predictor, find_models

sys.path.insert(0, str(ROOT / "scripts"))
import results

import release

METRICS = [f"metrics/{name}.json" for name in ("data", "details", "intervals", "layered", "single")]
README = [*METRICS, "metrics/timeline.json"]
HISTORIES = ["plots/single_history.csv", "plots/layered_history.csv"]
RELEASE = ["release/params.yaml", "release/dvc.lock", *(f"release/{name}" for name in README)]
CARD = ["src/timbre/weights/README.md"]
PAGES = ["README.md", "docs/results.md"]


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """What git holds, as last added or committed: a run on another CPU leaves other late digits in the folder."""
    folder = tmp_path_factory.mktemp("committed")
    command = ["git", "checkout-index", f"--prefix={folder}/", "--", *PAGES, *README, *HISTORIES, *RELEASE, *CARD]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return folder if done.returncode == 0 else ROOT  # of a copy without git, the files themselves


def test_the_readme_has_the_figures_of_the_committed_metrics(committed):
    readme = (committed / "README.md").read_text()
    updated = results.updated(readme, committed / "metrics", committed / "plots")
    assert updated == readme, "run python scripts/results.py"
    assert (
        results.updated(readme.replace("single 0.", "single 1."), committed / "metrics", committed / "plots") == readme
    )


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


def test_a_run_on_another_cpu_makes_none_of_these_fail(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    for path in (clone / name for name in README):
        path.write_text(re.sub(r"0\.\d+", lambda digits: str(float(digits[0]) * 0.999), path.read_text()))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_release.py", "-k", "readme_has or card_is"],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(clone / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_weights_are_small_and_of_the_committed_params():
    params = load_params(ROOT / "release/params.yaml")
    weights = [*RELEASED.glob("*.safetensors"), *RELEASED.glob("*.onnx")]
    assert len(weights) == 4
    assert sum(path.stat().st_size for path in weights) <= release.MOST_BYTES
    for task in release.TASKS:
        description = release.load(RELEASED / f"{task}.safetensors").description
        assert (description.task, description.audio, description.mel, description.model) == (
            task,
            params.audio,
            params.mel,
            params.model,
        )


def test_the_lock_of_the_release_is_that_of_its_params(committed):
    lock = yaml.safe_load((committed / "release/dvc.lock").read_text())["stages"]
    params = yaml.safe_load((committed / "release/params.yaml").read_text())
    for stage in lock.values():
        for key, value in stage.get("params", {"params.yaml": {}})["params.yaml"].items():
            assert reduce(dict.__getitem__, key.split("."), params) == value, (
                f"{key}: run python scripts/release.py train"
            )


def test_models_of_ones_own_go_before_those_released(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_models() == RELEASED
    assert "released with timbre" in Predictor().source
    own = tmp_path / OWN_MODELS
    own.mkdir()
    for task in ("layered", "single"):
        (models / f"{task}.safetensors").rename(own / f"{task}.safetensors")
        assert find_models() == RELEASED  # a training still to come
    (models / "timeline.safetensors").rename(own / "timeline.safetensors")
    assert find_models() == OWN_MODELS
    assert Predictor().source == "in models"


@pytest.mark.parametrize("what", ["missing", "changed"])
def test_a_release_of_models_that_are_not_the_locked_ones_is_refused(what, models, monkeypatch):
    monkeypatch.setattr(release, "ROOT", models.parent)
    monkeypatch.setattr(release, "COPY", models.parent if what == "missing" else models)
    monkeypatch.setattr(release, "locked", lambda: {"single": "0" * 32})
    with pytest.raises(SystemExit, match="is not the model of"):
        release.release()


STRANGE = {  # what damage must not hide
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


def test_what_recorders_cables_and_encoders_did_does_not_change_an_answer(monkeypatch):
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
