"""Recipes of docs/versions.md, with real DVC: recordings of your own under version control."""

import re

import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS
from repository import Repository, stages_run, tiny_clone

RATE = 16000
PITCHES = dict(zip(INSTRUMENTS, (220.0, 90.0, 660.0, 330.0), strict=True))
OWN = "data/own/takes"
SMALL = {  # with this data.seed, each instrument has a group in each split by position, so that no group is moved
    "epochs": 1,
    "data": {"source": "folder", "folder": OWN, "seed": 7},
    "mixtures": {"train": 8, "fresh": 16, "validation": 4, "test": 4, "others": 0.0},
    "calibration": {"mixtures": 8},
    "timeline": {"songs": 1, "train": 2, "validation": 1},
}


def record(folder, first, count):
    """Write recordings of each instrument to a folder: a tone with its own pitch and harmonics."""
    for label, (instrument, pitch) in enumerate(PITCHES.items()):
        for number in range(first, first + count):
            rng = np.random.default_rng((label, number))
            times = np.arange(RATE) / RATE
            partials = rng.uniform(0.1, 1, 5)
            hertz = pitch * rng.uniform(0.7, 1.4)
            sound = sum(part * np.sin(2 * np.pi * hertz * (order + 1) * times) for order, part in enumerate(partials))
            sound *= np.exp(-times * rng.uniform(0, 4)) * 0.1
            path = folder / instrument / f"take-{number:02}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, sound + rng.normal(0, 1e-3, RATE), RATE)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A clone that was trained on recordings of its own, which DVC tracks: the first version is committed."""
    repository = tiny_clone(tmp_path_factory.mktemp("clone"))
    repository.set_params(SMALL)
    record(repository.folder / OWN, 0, 8)
    repository.run(f"dvc add {OWN}")
    repository.run("dvc repro")
    repository.commit("first")
    return repository


def splits_of(repository):
    lines = (repository.folder / "data/clips/index.csv").read_text().splitlines()
    columns = lines[0].split(",")
    rows = [dict(zip(columns, line.split(","), strict=True)) for line in lines[1:]]
    return {row["file"]: row["split"] for row in rows}


def test_a_version_is_added_compared_committed_and_left_again(repository):
    before = splits_of(repository)
    first = repository.lock()
    assert stages_run(repository.run("dvc repro")) == []

    record(repository.folder / OWN, 8, 3)
    status = repository.run("dvc status")
    assert OWN in status and "modified" in status

    repository.run(f"dvc add {OWN}")
    assert {"download", "prepare", "train_layered", "evaluate"} <= set(stages_run(repository.run("dvc repro")))
    after = splits_of(repository)
    assert len(after) == len(before) + 12
    assert {file: after[file] for file in before} == before, "a clip changed its split"

    compared = repository.run("timbre compare HEAD workspace")
    assert re.search(r"all +32 +44 +12 +0 ", compared)  # before, after, added, removed
    assert "old and new model on old and new test set" in compared
    repository.commit("second")

    repository.run("git checkout --quiet HEAD~1")
    repository.run("dvc checkout")
    assert len(list((repository.folder / OWN).rglob("*.wav"))) == 32
    assert repository.lock() == first
    assert stages_run(repository.run("dvc repro")) == []
    repository.run("git checkout --quiet -")
    repository.run("dvc checkout")


def test_files_that_are_touched_but_not_changed_run_nothing(repository):
    for path in (repository.folder / OWN).rglob("*.wav"):
        path.touch()
    assert stages_run(repository.run("dvc repro")) == []


def test_a_registry_gives_a_version_by_its_tag_and_updates_to_the_next(repository, tmp_path):
    registry = Repository(tmp_path / "registry")
    registry.folder.mkdir()
    registry.run("git init --quiet")
    registry.run("dvc init --quiet")
    registry.run("dvc config cache.type copy")
    record(registry.folder / "takes", 0, 6)
    registry.run("dvc add takes")
    registry.commit("one")
    registry.run("git tag v1")
    record(registry.folder / "takes", 6, 1)
    registry.run("dvc add takes")
    registry.commit("two")
    registry.run("git tag v2")

    clone = tiny_clone(tmp_path / "clone")
    clone.set_params(SMALL)
    clone.run(f"dvc import {registry.folder} takes --rev v1 --out data/own/takes")
    clone.run("dvc repro prepare")
    assert len(splits_of(clone)) == 24
    before = splits_of(clone)
    clone.commit("one")

    clone.run("dvc update --rev v2 data/own/takes.dvc")
    assert "data/own/takes" in clone.run("dvc status")
    clone.run("dvc repro prepare")
    after = splits_of(clone)
    assert len(after) == 28
    assert {file: after[file] for file in before} == before
    difference = clone.run("dvc diff HEAD")
    assert "takes/guitar/take-06.wav" in difference
