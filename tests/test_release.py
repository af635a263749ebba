"""The weights that the package carries, their card, and the README's table: of the committed run, and no other."""

import sys

import pytest
from conftest import ROOT

from timbre.model.checkpoint import load_model
from timbre.songs.predictor import OWN_MODELS, RELEASED, Ear, find_models

sys.path.insert(0, str(ROOT / "scripts"))
import release
import results


def test_the_readme_has_the_figures_of_the_committed_metrics():
    readme = (ROOT / "README.md").read_text()
    assert results.with_table(readme, results.table(ROOT / "metrics")) == readme, "run python scripts/results.py"


def test_the_card_is_that_of_the_locked_models_and_the_committed_metrics():
    assert (RELEASED / "README.md").read_text() == release.card(), "run make release"


def test_the_weights_are_small_and_of_the_committed_params(params):
    assert sum(path.stat().st_size for path in RELEASED.glob("*.safetensors")) <= release.MOST_BYTES
    for task in release.TASKS:
        description = load_model(RELEASED / f"{task}.safetensors").description
        assert (description.task, description.audio, description.mel, description.model) == (
            task,
            params.audio,
            params.mel,
            params.model,
        )


def test_models_of_ones_own_go_before_those_released(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_models() == RELEASED
    assert "released with timbre" in Ear().source
    own = tmp_path / OWN_MODELS
    own.mkdir()
    (models / "single.safetensors").rename(own / "single.safetensors")
    assert find_models() == RELEASED  # a training still to come
    (models / "layered.safetensors").rename(own / "layered.safetensors")
    assert find_models() == OWN_MODELS
    assert Ear().source == "in models"


@pytest.mark.parametrize("what", ["missing", "changed"])
def test_a_release_of_models_that_are_not_the_locked_ones_is_refused(what, models, monkeypatch):
    monkeypatch.setattr(release, "ROOT", models.parent if what == "missing" else models)
    monkeypatch.setattr(release, "locked", lambda: {"single": "0" * 32})
    with pytest.raises(SystemExit, match="is not the model of"):
        release.release()
