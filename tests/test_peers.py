"""Models and public taggers side by side (`benchmarks/peers.py`), on generated audio."""

import csv
import sys

import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS, ROOT, tone

from timbre.core.errors import DataError

sys.path.insert(0, str(ROOT / "benchmarks"))
import peers


def test_a_threshold_has_the_highest_f1_and_is_midway_between_two_scores():
    scores = np.array([0.001, 0.002, 0.004, 0.008, 0.9])
    assert peers.best_threshold(np.array([0, 0, 1, 1, np.nan]), scores) == pytest.approx(0.003)
    assert peers.best_threshold(np.array([1, 1, 1, 1, 1]), scores) == 0.001


def test_thresholds_of_a_source_ignore_its_own_labels():
    rng = np.random.default_rng(0)
    targets, scores = (rng.random((60, 4)) < 0.4).astype(float), rng.random((60, 4))
    sources = [f"{row % 3}" for row in range(60)]
    changed = targets.copy()
    changed[::3] = 1 - changed[::3]
    first, second = (peers.present_by_other_sources(each, scores, sources) for each in (targets, changed))
    assert np.array_equal(first[::3], second[::3]) and not np.array_equal(first, second)


def test_the_table_has_a_row_for_each_system(tmp_path, models, monkeypatch):
    music, tables = tmp_path / "music", tmp_path / "tables"
    music.mkdir()
    tables.mkdir()
    labels, scores = ["path,present,absent,source"], [f"path,{','.join(INSTRUMENTS)}"]
    for number, plays in enumerate(np.tile(np.eye(4, dtype=int), (2, 1))):
        soundfile.write(music / f"{number}.wav", tone(200 + 50 * number, 1.0, 16000), 16000)
        present, absent = (";".join(np.array(INSTRUMENTS)[plays == value]) for value in (1, 0))
        labels.append(f"{number}.wav,{present},{absent},{number // 4}")
        scores.append(f"{number}.wav,{','.join(map(str, plays))}")
    (music / "labels.csv").write_text("\n".join(labels))
    (tables / "tagger.csv").write_text("\n".join(scores))
    monkeypatch.setattr(peers, "PEERS", tables)
    ours, tagger = peers.table_rows(music, [models])
    assert ours.startswith(f"| Timbre, models in {models} |") and ours.count("[") == 7
    assert tagger == peers.table_row("tagger", *["1.000 [1.000, 1.000]"] * 6, "")


def test_the_committed_tables_have_scores_for_the_same_recordings():
    tables = sorted(peers.PEERS.glob("*.csv"))
    with tables[0].open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert len(tables) == 3 and len(paths) == 101
    for table in tables:
        scores = peers.read_scores(table, paths)
        assert scores.min() >= 0 and scores.max() <= 1
        with pytest.raises(DataError, match=rf"{table.name}: no scores of another\.wav"):
            peers.read_scores(table, ["another.wav"])
