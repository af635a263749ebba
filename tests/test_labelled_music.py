"""Music with a labels.csv in the whole pipeline: together with rendered clips, and alone."""

import csv
import json

import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS, tone
from repository import ALL, stages_run, tiny_clone

from timbre.model.checkpoint import is_untrained, load_model

RATE = 16000
PITCH = dict(zip(INSTRUMENTS, (110, 220, 440, 880), strict=True))
SONGS = 24


@pytest.fixture
def repository(tmp_path):
    """Return a clone with a folder of songs. Each instrument is a tone of its own pitch; a third is unknown."""
    rng = np.random.default_rng(0)
    rows = []
    (tmp_path / "songs").mkdir()
    for song in range(SONGS):
        plays = rng.random(4) < 0.5
        known = rng.random(4) < 0.67
        sound = rng.normal(0, 0.01, 2 * RATE)
        for name in np.array(INSTRUMENTS)[plays]:
            sound += tone(PITCH[name], 2, RATE) / 4
        soundfile.write(tmp_path / f"songs/{song}.wav", sound, RATE)
        sides = (";".join(np.array(INSTRUMENTS)[known & which]) for which in (plays, ~plays))
        rows.append((f"{song}.wav", *sides, f"album {song // 2}"))
    with (tmp_path / "songs/labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "present", "absent", "group"), *rows])
    (tmp_path / "clone").mkdir()
    clone = tiny_clone(tmp_path / "clone")
    clone.set_params({"data": {"folder": str(tmp_path / "songs"), "source": ["soundfont", "folder"]}})
    clone.commit("songs")
    return clone


def metrics(repository, name):
    return json.loads((repository.folder / f"metrics/{name}.json").read_text())


def test_models_are_trained_on_music_with_rendered_clips_and_alone(repository):
    output = repository.run("dvc repro")
    assert "from soundfont and folder (labelled by labels.csv)" in output and stages_run(output) == ALL
    layered, clips = metrics(repository, "layered"), metrics(repository, "data")["clips"]
    assert sum(clips[split]["music"] for split in clips) in range(SONGS - 3, SONGS + 1)
    assert all(clips[split]["music"] and clips[split]["guitar"] for split in clips)
    assert {"micro_f1", "claimed_where_absent"} <= layered["music"]["test"].keys() and layered["test"]
    assert metrics(repository, "single")["test"]["macro_f1"] and "music" in metrics(repository, "details")
    assert "Music with partial labels" in (repository.folder / "plots/listen.html").read_text()
    repository.commit("both")

    output = repository.run("dvc exp run -S data.source=folder")
    assert stages_run(output) == ALL and "train_single: skipped: no clip has one instrument alone" in output
    models = repository.folder / "models"
    assert is_untrained(models / "single.safetensors")
    assert load_model(models / "layered.safetensors").description.instruments == INSTRUMENTS
    assert list(metrics(repository, "layered")) == ["music"] and metrics(repository, "single") == {}
    assert set(metrics(repository, "intervals")) == {"layered"}
    repository.run("dvc metrics diff")
    repository.run("dvc plots show --out shown")
    song = str(repository.folder.parent / "songs/0.wav")
    predicted = json.loads(repository.run(f"timbre predict {song} --format jsonl").splitlines()[0])
    assert predicted["single"] == {} and set(predicted["layered"]) == set(INSTRUMENTS)
    assert "alone:" not in repository.run(f"timbre predict {song}")
    assert "layered: workspace" in repository.run("timbre compare workspace").replace("workspace -> ", "")
    refused = repository.run("timbre export --onnx all.onnx", status=1).strip().splitlines()
    assert refused[-1].startswith("timbre: export: the models were trained on music alone")
