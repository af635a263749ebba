"""Bounds of sure answers: that they keep their promise, with few, unknown and unlike clips too; and `timbre sure`."""

import json

import numpy as np
import pytest
import soundfile
from helpers import tone
from scipy.stats import binomtest
from typer.testing import CliRunner

from timbre.adapt.sure import _lower_bound, sure_bounds
from timbre.cli import app

SOURCES = [f"source {number}" for number in range(8)]


def clips(number, seed):
    """Return probabilities, calibrated targets and sources of clips of one instrument."""
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.2, 0.3, (number, 1))
    targets = (random.random((number, 1)) < probabilities).astype(float)
    return probabilities, targets, [SOURCES[index % len(SOURCES)] for index in range(number)]


def test_sure_answers_are_right_as_often_as_promised():
    probabilities = clips(50_000, 1)[0][:, 0]  # the chance of being right, as they are calibrated
    kept, covered = [], []
    for seed in range(60):
        ((lower, upper),) = sure_bounds(*clips(1500, seed), thresholds=(0.5,), confidence=0.9)
        assert lower is not None and upper is not None and lower <= 0.5 <= upper
        claims, denials = probabilities[probabilities >= upper], probabilities[probabilities < lower]
        kept += [claims.mean() >= 0.95, 1 - denials.mean() >= 0.95]
        covered.append((len(claims) + len(denials)) / len(probabilities))
    assert np.mean(kept) >= 0.9
    assert np.mean(covered) > 0.5


def test_answers_that_are_all_right_are_all_sure():
    probabilities = np.linspace(0, 1, 400)[:, None]
    ((lower, upper),) = sure_bounds(probabilities, probabilities >= 0.3, ["a"] * 400, (0.3,))
    assert (lower, upper) == (pytest.approx(0.3, abs=0.003), pytest.approx(0.3, abs=0.003))


def test_few_clips_promise_nothing_and_unknown_targets_do_not_count():
    probabilities = np.concatenate([np.full(10, 0.9), np.full(200, 0.1)])[:, None]
    targets = (probabilities > 0.5).astype(float)
    assert sure_bounds(probabilities, targets, ["a"] * 210, (0.5,)) == [(pytest.approx(0.1, abs=1e-3), None)]
    targets[20:] = np.nan
    assert sure_bounds(probabilities, targets, ["a"] * 210, (0.5,)) == [(None, None)]


def test_errors_in_one_source_count_more_than_errors_all_over():
    probabilities, targets = np.full((800, 1), 0.9), np.ones((800, 1))
    sources = np.repeat(SOURCES, 100)
    targets[::40] = 0  # 2.5 % of the claims of each source are wrong
    ((_, upper),) = sure_bounds(probabilities, targets, sources, (0.5,), confidence=0.9)
    assert upper == pytest.approx(0.9, abs=1e-3)
    targets[:] = 1
    targets[:20] = 0  # as many, all of one source
    assert sure_bounds(probabilities, targets, sources, (0.5,), confidence=0.9) == [(None, None)]


def test_an_instrument_that_is_often_wrong_has_wider_bounds_and_one_without_clips_those_of_all():
    probabilities = np.tile(np.linspace(0.01, 0.99, 200)[:, None], 3)
    targets = (probabilities >= 0.5).astype(float)
    targets[(probabilities[:, 1] >= 0.5) & (probabilities[:, 1] < 0.54), 1] = 0  # a few of its claims are wrong
    targets[:, 2] = np.nan
    right, wrong, unknown = sure_bounds(probabilities, targets, ["a"] * 200, (0.5, 0.5, 0.5))
    assert right[0] == wrong[0] == unknown[0] == pytest.approx(0.5, abs=0.01)
    assert right[1] == unknown[1] < wrong[1]
    assert targets[probabilities[:, 1] >= wrong[1], 1].mean() >= 0.95


@pytest.mark.parametrize(("right", "number"), [(50, 50), (57, 60), (1, 9), (0, 5)])
def test_the_bound_of_one_source_is_that_of_clopper_and_pearson(right, number):
    expected = binomtest(right, number, alternative="greater").proportion_ci(0.95, "exact").low
    assert _lower_bound(np.array([[right]]), np.array([[number]]), 0.05)[0] == pytest.approx(expected)


@pytest.fixture
def music(tmp_path):
    """Return a folder with eight songs of each of three sources. Drums are present, and piano is absent but in one."""
    folder = tmp_path / "music"
    rows = ["path,present,absent,source"]
    for source in "abc":
        for number in range(8):
            path = folder / source / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone(440, 1.0, 16000), 16000)
            rows.append(f"{source}/{number}.wav,drums,{'piano' if number else ''},{source}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_the_command_measures_sure_answers_and_writes_models_that_know_them(music, models, tmp_path):
    command = ["sure", str(music), "--models", str(models)]  # these models always predict drums and never piano
    values = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert values["shares"]["answer"]["all"] == {"answers": 45, "sure": 45, "wrong": 0, "coverage": 1.0, "error": 0.0}
    assert values["shares"]["instrument"]["guitar"] == {"answers": 0, "sure": 0, "wrong": 0}
    assert values["shares"]["source"]["b"]["answers"] == 15
    assert (
        "| absent | 21 | 1.000 | 0.000 |"
        in CliRunner().invoke(app, [*command, "--output", str(tmp_path / "new")]).output
    )
    command = ["predict", str(music / "a/0.wav"), "--format", "jsonl", "--models"]
    old, new = (
        json.loads(CliRunner().invoke(app, [*command, str(folder)]).stdout) for folder in (models, tmp_path / "new")
    )
    assert not old.get("unsure") and {"drums", "piano"}.isdisjoint(new.pop("unsure"))
    assert new == {key: value for key, value in old.items() if key != "unsure"}


def test_an_output_that_cannot_be_written_is_refused_before_a_song_is_predicted(music, models, monkeypatch):
    monkeypatch.setattr("timbre.adapt.sure_answers.Predictor", None)
    refused = CliRunner().invoke(app, ["sure", str(music), "--models", str(models), "--output", str(models)])
    assert "has the models to change; name another folder" in str(refused.exception)


def test_songs_of_one_source_are_refused_in_one_line(music, models):
    rows = (music / "labels.csv").read_text(encoding="utf-8").splitlines()
    (music / "labels.csv").write_text("\n".join(row for row in rows if row[0] in "pa"), encoding="utf-8")
    refused = CliRunner().invoke(app, ["sure", str(music), "--models", str(models)])
    assert "has songs of one source; add songs of others" in str(refused.exception)
