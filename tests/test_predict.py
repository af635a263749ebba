import json
import re

import numpy as np
import pytest
import soundfile
import torch
from conftest import tone
from typer.testing import CliRunner

from timbre.cli import app
from timbre.instruments import INSTRUMENTS
from timbre.model import Listener
from timbre.modelfile import Description, save_model
from timbre.predict import Ear


@pytest.fixture
def models(tiny, tmp_path):
    """Two networks with drawn weights: enough to see that answers come in their form, and the same each time."""
    torch.manual_seed(0)
    for task, thresholds in (("single", ()), ("layered", (0.5, 0.0, 0.5, 1.0))):
        description = Description(task=task, audio=tiny.audio, mel=tiny.mel, model=tiny.model, thresholds=thresholds)
        save_model(tmp_path / f"{task}.safetensors", Listener(tiny.model).state_dict(), description)
    return tmp_path


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_each_file_is_answered_and_a_bad_one_costs_only_the_exit_status(models, tmp_path):
    good, bad = tmp_path / "good one.wav", tmp_path / "bad.wav"
    soundfile.write(good, tone(440, 3.3, 44100), 44100)
    bad.write_text("not audio")
    result = predict(good, bad, good, "--format", "jsonl", "--models", models)
    assert result.exit_code == 1
    first, error, again = (json.loads(line) for line in result.stdout.splitlines())
    assert list(first) == ["file", "instrument", "single", "present", "layered"]
    assert first["file"] == str(good)
    assert list(first["single"]) == list(first["layered"]) == list(INSTRUMENTS)
    assert sum(first["single"].values()) == pytest.approx(1, abs=1e-3)
    assert first["single"][first["instrument"]] == max(first["single"].values())
    assert "drums" in first["present"]  # its threshold is 0
    assert "piano" not in first["present"]  # its threshold is 1
    assert error == {"file": str(bad), "error": error["error"]}
    assert "cannot be read as audio" in error["error"]
    assert again == first


def test_the_text_names_the_file_the_answer_and_draws_a_bar_an_instrument(models, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(440, 1, 16000), 16000)
    result = predict(path, "--models", models)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == str(path)
    for instrument in INSTRUMENTS:
        bar, value = re.search(rf"{instrument} +([█░]{{20}}) (\d\.\d\d)", result.stdout).groups()
        assert bar.count("█") == pytest.approx(20 * float(value), abs=0.6)


def test_loudness_and_silence_around_do_not_change_an_answer(models, tmp_path):
    ear = Ear(models)
    sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    answers = []
    for name, changed in (("a", sound), ("b", sound / 50), ("c", np.pad(sound, (0, 48000)))):
        soundfile.write(tmp_path / f"{name}.wav", changed, 16000, subtype="FLOAT")
        answers.append(ear.listen(tmp_path / f"{name}.wav"))
    for answer in answers[1:]:
        assert answer.layered == pytest.approx(answers[0].layered, abs=1e-3)


def test_missing_models_are_named_with_the_way_out(tmp_path):
    result = predict(tmp_path / "a.wav", "--models", tmp_path / "nowhere")
    assert "no such model; train it with dvc repro" in str(result.exception)
