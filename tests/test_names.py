"""File names with any characters that a file system allows."""

import csv
import json
import os
import warnings
from dataclasses import replace

import pytest
import soundfile
from helpers import tone
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.printable import printable
from timbre.songs.predictor import Predictor
from timbre.songs.song import as_png

LATIN = os.fsdecode(b"caf\xe9.m4a")
TWO_LINES = "two\nlines.wav"
WITH_COLOUR_CODES = "\x1b[31mred\x9b0m.wav"


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


@pytest.fixture
def songs(tmp_path):
    paths = [tmp_path / "album" / name for name in (LATIN, TWO_LINES, WITH_COLOUR_CODES, "日本 $x$.wav", "last.wav")]
    paths[0].parent.mkdir()
    for path in paths:
        with path.open("wb") as file:
            soundfile.write(file, tone(440, 1, 16000), 16000, format="WAV")
    return paths


def test_pictures_and_label_tracks_are_written_for_songs_of_any_name(models, songs, tmp_path):
    result = predict(*songs, "--models", models, "--plot", tmp_path / "out", "--labels", tmp_path / "out")
    assert result.exit_code == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{song.name}{suffix}" for song in songs for suffix in (".png", ".labels.txt")}


def test_a_picture_that_fails_gives_one_line_and_an_exit_status(models, songs, tmp_path, monkeypatch):
    def fail(song):
        if song.name == str(songs[1]):
            raise ValueError("no such glyph")
        return b"picture"

    monkeypatch.setattr("timbre.songs.song.as_png", fail)
    result = predict(*songs, "--models", models, "--plot", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == [
        f"{printable(str(tmp_path / 'out' / TWO_LINES))}.png: cannot be written (no such glyph)"
    ]
    assert len(list((tmp_path / "out").iterdir())) == len(songs) - 1


@pytest.mark.parametrize("form", ["text", "csv"])
def test_unprintable_characters_are_escaped_in_text_and_tables(models, songs, form):
    missing = songs[0].with_name("no\nsuch \x1b]0;title\x07")
    result = predict(*songs, missing, "--models", models, "--format", form)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines == [printable(line) for line in lines]
    assert result.output.count("\n") == 1 + 1 + len(songs) + 1  # models, heading, songs, the missing file
    if form == "csv":
        names = [row["file"] for row in csv.DictReader(result.stdout.splitlines())]
        assert names == [printable(str(path)) for path in (*songs, missing)]


def test_json_is_ascii_and_gives_the_exact_names(models, songs):
    missing = songs[0].with_name(os.fsdecode(b"no\nsuch\xff"))
    result = predict(*songs, missing, "--models", models, "--format", "jsonl")
    assert result.stdout.isascii()
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == list(map(str, [*songs, missing]))


@pytest.mark.parametrize("name", [LATIN, TWO_LINES, WITH_COLOUR_CODES, r"\frac{$x$", "日本語 😀"])
def test_a_song_of_any_name_is_drawn_without_a_warning(models, tmp_path, name):
    soundfile.write(tmp_path / "a.wav", tone(440, 1, 16000), 16000)
    song = replace(Predictor(models).listen(tmp_path / "a.wav"), name=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_png(song).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "char", ["\u202e", "\u2066", "\u200b", "\u200d", "\u2060", "\xad", "\ufeff", "\ufe0f", "\u3164", "\x7f"]
)
def test_characters_that_nobody_sees_are_escaped(char):
    assert printable(f"a{char}b") == f"a{ascii(char)[1:-1]}b"


@pytest.mark.parametrize("text", ["日本　語", "तबला", "cajo\u0301n", "é ❤ 😀", r"C:\a", "\ue000"])
def test_text_that_people_see_is_not_escaped(text):
    assert printable(text) == text


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_resume_recognises_names_that_were_escaped(models, songs, tmp_path, form):
    command = [songs[0].parent, "--models", models, "--format", form]
    earlier = tmp_path / "earlier"
    earlier.write_text(predict(*command).stdout)
    assert predict(*command, "--resume", earlier).stdout == ""
