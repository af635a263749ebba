import csv
import json
import shutil

import pytest
import soundfile
from conftest import tone

from timbre.errors import ParamsError
from timbre.songbook import read_labels, write_songs


def test_songs_are_heard_drawn_and_scored(models, tmp_path):
    songs = tmp_path / "songs"
    (songs / "live").mkdir(parents=True)
    soundfile.write(songs / "a.wav", tone(440, 3, 16000), 16000)
    shutil.copy(songs / "a.wav", songs / "live" / "b.wav")
    (songs / "broken.mp3").write_text("not audio")
    (songs / "labels.csv").write_text("file,instruments\na.wav,guitar+Drums\nlive/b.wav,\nother.wav,piano\n")
    figures = write_songs(songs, models, tmp_path / "out")
    assert (figures["heard"], figures["unreadable"], figures["scored"]) == (2, 1, 2)
    assert figures["drums"]["recall"] == 1  # of these models, drums are always present and piano never
    assert figures["drums"]["precision"] == 0.5
    assert figures["piano"]["f1"] == 0
    json.dumps(figures)
    with (tmp_path / "out" / "songs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["a.wav", "broken.mp3", "live/b.wav"]
    assert "cannot be read" in rows[1]["error"]
    assert (tmp_path / "out" / "live" / "b.wav.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "message"),
    [("file,plays\na.wav,piano\n", "no column instruments"), ("file,instruments\na.wav,flute\n", "flute: not one of")],
)
def test_labels_that_cannot_be_read_say_why(tmp_path, content, message):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(ParamsError, match=message):
        read_labels(tmp_path / "labels.csv")


def test_a_folder_without_songs_is_refused(models, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, message in (("empty", "holds no audio files"), ("nowhere", "is not a folder")):
        with pytest.raises(ParamsError, match=message):
            write_songs(tmp_path / name, models, tmp_path / "out")
