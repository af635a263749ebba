"""The notebooks of the course run in a clone after a tiny `dvc repro`, cell by cell, without a kernel."""

import json
import re

import matplotlib.pyplot as plt
import pytest
from forks import with_forks
from helpers import ROOT
from repository import ENVIRONMENT

FASTER = {
    "epochs: int = 6": "epochs: int = 1",
    '{"epochs": 2, "repeats": 0.2, "mixtures.fresh": 600, "calibration.mixtures": 200}': '{"epochs": 1}',
}


@pytest.fixture
def run(pipeline, tmp_path, monkeypatch, capsys):
    """Return a function that runs a notebook in a copy of the clone, and returns its text and its figures."""
    folder = pipeline.copy(tmp_path / "clone").folder
    monkeypatch.chdir(folder / "notebooks")
    for name, value in with_forks(ENVIRONMENT).items():
        monkeypatch.setenv(name, value)
    plt.switch_backend("agg")

    def run(name):
        cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
        names = {"__name__": "notebook"}
        for cell in cells:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                for slow, fast in FASTER.items():
                    source = source.replace(slow, fast)
                exec(compile(source, name, "exec"), names)
        figures = [plt.figure(number) for number in plt.get_fignums()]
        plt.close("all")
        return capsys.readouterr().out, figures

    return run


def test_mel_spectrograms(run):
    text, figures = run("1_mel_spectrograms")
    assert len(figures) == 5
    full, mel = (int(number.replace(",", "")) for number in re.findall(r": ([\d,]+) numbers", text))
    assert mel < full / 4


def test_data_leak(run):
    text, figures = run("2_data_leak")
    assert len(figures) == 2
    assert "honest: 0% of the test pieces" in text
    assert int(re.search(r"random: (\d+)% of the test pieces", text)[1]) > 50


def test_thresholds(run):
    text, figures = run("3_thresholds")
    assert len(figures) == 4
    assert len(set(re.findall(r"F1 at 0\.5 ([\d.]+)", text))) == 1


def test_experiment(run):
    text, figures = run("4_experiment")
    trained = "check_params, train_layered, train_single, train_timeline, evaluate"
    assert re.findall(r"^([\w-]+): ran (.*)$", text, re.MULTILINE) == [
        (name, trained) for name in ("small", "no-noise", "other-seed")
    ]
    assert re.search(r"augment\.noise +0\.6 +0\b", text)
    assert "layered: small -> no-noise, paired over" in text
    assert len(re.findall(r": (?:believable|may be luck)$", text, re.MULTILINE)) >= 6
    assert len(figures) == 1
