import csv
import json
import os
import shutil

import pytest
import soundfile
from helpers import INSTRUMENTS, tone

from timbre.core.errors import DataError, ParamsError
from timbre.evaluation.songs import in_words, match_labels, write_songs
from timbre.labels.labels_csv import LabelRow, read_labels_csv

needs_posix = pytest.mark.skipif(os.name != "posix", reason="names of any bytes need POSIX")


def test_songs_are_predicted_drawn_and_scored(models, tmp_path):
    songs = tmp_path / "songs"
    (songs / "live").mkdir(parents=True)
    soundfile.write(songs / "a.wav", tone(440, 3, 16000), 16000)
    shutil.copy(songs / "a.wav", songs / "live" / "b.wav")
    (songs / "broken.mp3").write_text("not audio")
    (songs / "labels.csv").write_text("file,instruments\na.wav,guitar+Drums\nlive/b.wav,\nother.wav,piano\n")
    metrics = write_songs(songs, models, tmp_path / "out")
    assert (metrics["heard"], metrics["unreadable"], metrics["scored"]) == (2, 1, 2)
    assert metrics["drums"]["recall"] == 1  # these models always predict drums and never piano
    assert metrics["drums"]["precision"] == 0.5
    assert metrics["scores"]["precision"]["drums"]["value"] == 0.5
    assert "piano" not in metrics
    json.dumps(metrics, allow_nan=False)
    with (tmp_path / "out" / "songs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["a.wav", "broken.mp3", "live/b.wav"]
    assert "cannot be read" in rows[1]["error"]
    assert (tmp_path / "out" / "live" / "b.wav.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,plays\na.wav,piano\n", "has no column label; expected CSV"),
        (b"file,instruments\na.wav,zither\n", r"labels\.csv:2: a\.wav: class 'zither' is none of"),
        (b"\x81file,instruments\na.wav,flute\n", "neither UTF-8 nor Windows text"),
        (b"", "has no column path and no label"),
    ],
)
def test_labels_that_cannot_be_read_say_why(tmp_path, content, message):
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_labels_csv(tmp_path / "labels.csv", INSTRUMENTS)


def test_rows_match_songs_in_any_spelling_and_unused_rows_are_listed():
    songs = ["Für Élise.wav", "CD 1/b.wav", "B.wav", "b.wav", "c.wav", "d.wav"]
    files = {
        "fu\u0308r élise.WAV": "piano",
        "cd 1\\B.wav": "drums",
        "b.wav": "violin",
        "./C.wav": "guitar",
        "e.wav": "piano",
        "CD 2/c.wav": "piano",
        "d.wav": "piano",
    }
    rows = [*files.items(), ("c.wav", "guitar"), ("D.wav", "drums"), ("B.WAV", "drums")]
    labels = [LabelRow(f"labels.csv:{line}", file, plays) for line, (file, plays) in enumerate(rows, 2)]
    found, issues = match_labels(labels, songs)
    assert {song: row.label for song, row in found.items()} == {
        "Für Élise.wav": "piano",
        "CD 1/b.wav": "drums",
        "b.wav": "violin",
        "c.wav": "guitar",
    }
    assert issues == [
        "labels.csv:6: e.wav: no song has this name",
        "labels.csv:7: CD 2/c.wav: no song has this name",
        "labels.csv:11: B.WAV: several songs have this name in other spellings",
        "labels.csv:9: c.wav: repeats labels.csv:5; counted once",
        "labels.csv:10: d.wav: contradicts labels.csv:8; not scored",
    ]


def test_rows_without_a_song_are_listed_in_the_metrics_and_in_the_log(models, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(440, 1, 16000), 16000)
    (tmp_path / "labels.csv").write_bytes("\ufefffile\tinstruments\nb.wav\tpiano\nc.wav\tdrums\n".encode("utf-16-le"))
    metrics = write_songs(tmp_path, models, tmp_path / "out")
    assert "scored" not in metrics
    assert metrics["issues"] == [
        f"labels.csv:{line}: {name}.wav: no song has this name" for line, name in ((2, "b"), (3, "c"))
    ]
    assert in_words(metrics) == (
        "1 songs predicted, 0 unreadable, 0 scored "
        "(labels.csv:2: b.wav: no song has this name; 1 more in metrics/songs.json)"
    )


@needs_posix
def test_no_file_name_and_no_failed_picture_ends_the_run(models, tmp_path, monkeypatch):
    songs = tmp_path / "songs"
    songs.mkdir()
    for name in (b"b.wav", b"caf\xe9\n.wav", b"z.wav"):
        soundfile.write(os.fsencode(songs) + b"/" + name, tone(440, 1, 16000), 16000, format="WAV")
    monkeypatch.setattr("timbre.evaluation.songs.as_png", lambda song: b"png" if song.name != "b.wav" else 1 / 0)
    metrics = write_songs(songs, models, tmp_path / "out")
    assert metrics["heard"] + metrics["unreadable"] == 3
    assert metrics["issues"] == ["b.wav: not drawn (division by zero)"]
    assert (tmp_path / "out" / "z.wav.png").exists()
    with (tmp_path / "out" / "songs.csv").open(newline="", encoding="utf-8") as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["b.wav", r"caf\udce9\n.wav", "z.wav"]


def test_a_folder_without_songs_is_refused(models, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, message in (("empty", "has no audio files"), ("nowhere", "is not a folder")):
        with pytest.raises(ParamsError, match=message):
            write_songs(tmp_path / name, models, tmp_path / "out")
