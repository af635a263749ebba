"""Timelines of two joined excerpts (`benchmarks/timelines.py --music`), on generated audio."""

import json
import runpy
import sys
from contextlib import nullcontext

import pytest
import soundfile
from helpers import ROOT, tone

from timbre.core.errors import DataError
from timbre.labels.labels_csv import LabelRow

sys.path.insert(0, str(ROOT / "benchmarks"))
from junctions import draw_pairs, evaluate_junction, waveform

ROWS = [
    LabelRow("labels.csv:2", "a1.wav", "piano|drums", source="a"),
    LabelRow("labels.csv:3", "a2.wav", "|drums;piano", source="a"),
    LabelRow("labels.csv:4", "b1.wav", "drums|piano", source="b"),
    LabelRow("labels.csv:5", "b2.wav", "|", source="b"),
]


def test_pairs_come_from_different_sources_and_are_the_same_each_time():
    pairs = draw_pairs(ROWS, ("drums", "piano", "violin"), 20)
    assert {(pair.instrument, pair.first, pair.second) for pair in pairs} == {
        ("drums", "b1.wav", "a1.wav"),
        ("drums", "b1.wav", "a2.wav"),
        ("piano", "a1.wav", "b1.wav"),
    }
    assert [pair.instrument for pair in pairs[:3]] == ["drums", "piano", "drums"]
    assert pairs == draw_pairs(ROWS, ("drums", "piano", "violin"), 20)


def test_labels_without_a_pair_are_refused():
    with pytest.raises(DataError, match="no instrument is present in one recording and absent"):
        draw_pairs(ROWS[:2], ("drums", "piano"), 20)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ([], (0, 0, False)),
        ([(0, 10.4, "piano"), (0, 15, "drums")], (1, 0.08, True)),
        ([(1, 4, "piano"), (5, 9.6, "piano")], (0.76, 0, True)),
        ([(9, 12, "piano"), (14, 15, "piano")], (0.1, 0.6, False)),
    ],
)
def test_sections_are_compared_with_the_junction(sections, expected):
    assert evaluate_junction(sections, "piano", 10, 15) == pytest.approx(expected)


def test_an_unreadable_recording_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no audio")
    with pytest.raises(DataError, match=r"a\.wav: "):
        waveform(tmp_path / "a.wav", 16000)


def test_the_command_prints_metrics_of_labelled_music(tmp_path, models, monkeypatch, capsys):
    for name, hertz in (("a1", 440), ("b1", 220)):
        soundfile.write(tmp_path / f"{name}.wav", tone(hertz, 2.0, 16000), 16000)
    (tmp_path / "labels.csv").write_text("path,present,absent,source\na1.wav,drums,piano,a\nb1.wav,piano,drums,b\n")
    monkeypatch.setattr("junctions.PAIRS", 16)
    monkeypatch.setattr("timbre.core.stage.one_line_errors", nullcontext)  # it handles signals from here on
    monkeypatch.setattr(sys, "argv", ["timelines.py", "--music", str(tmp_path), str(models)])
    runpy.run_path(str(ROOT / "benchmarks/timelines.py"), run_name="__main__")
    metrics = json.loads(capsys.readouterr().out)[str(models)]
    assert metrics["all"]["pairs"] == 16 and metrics["drums"]["pairs"] == metrics["piano"]["pairs"] == 8
    assert metrics["drums"]["recall of seconds"] == metrics["drums"]["false seconds"] == 1  # drums: threshold 0
