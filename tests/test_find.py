import errno
import os
from pathlib import Path

import pytest

from timbre.songs.find import find


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a function that makes empty files below the current folder, which is temporary."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def make(*names):
        for name in names:
            path = tmp_path / "here" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


def names(argument):
    return [song.name for song in find(argument) if not song.problem]


@pytest.mark.parametrize("argument", [".", "**/*.wav", "**", "../here"])
def test_links_that_lead_upwards_give_no_song_twice(tree, argument):
    tree("a.wav", "cd/b.wav", "cd/deep/c.wav")
    for link in ("again", "cd/again", "cd/deep/once more"):
        Path(link).symlink_to("..")
    Path("self").symlink_to(".")
    found = ["a.wav", "cd/b.wav", "cd/deep/c.wav"]
    assert names(argument) == [f"../here/{name}" if argument == "../here" else name for name in found]


def test_a_linked_folder_is_searched_once_and_after_real_ones(tree):
    tree("album/real/a.wav", "album/b.wav", "../elsewhere/cd/c.wav")
    for link in ("album/first", "album/second"):
        Path(link).symlink_to("../../elsewhere")
    Path("album/alias").symlink_to("real")
    expected = ["album/b.wav", "album/first/cd/c.wav", "album/real/a.wav"]
    assert names("album") == expected
    assert names("al*/**/*.wav") == expected
    assert names("album/*/*.wav") == ["album/alias/a.wav"]  # as the pattern says, and once


def test_hidden_files_are_left_out_unless_named(tree):
    tree("song.mp3", "._song.mp3", ".hidden/a.mp3", "cd/__MACOSX/._b.mp3")
    for argument in (".", "*", "**/*.mp3", "**"):
        assert names(argument) == ["song.mp3"]
    assert names("._song.mp3") == ["._song.mp3"]
    assert names(".hidden") == [".hidden/a.mp3"]
    assert names(".h*/*.mp3") == [".hidden/a.mp3"]


def test_pipes_are_left_out_unless_named(tree):
    tree("song.wav")
    os.mkfifo("pipe.wav")
    Path("device.wav").symlink_to("/dev/zero")
    Path("link.wav").symlink_to("gone")  # reading will report it
    for argument in (".", "*.wav", "**/*.wav"):
        assert names(argument) == ["link.wav", "song.wav"]
    assert names("pipe.wav") == ["pipe.wav"]
    assert find("pip*.wav")[0].problem == "matches no file"


@pytest.mark.parametrize("argument", ["album", "alb*", "album/**/*.wav", "album/*/*.wav"])
def test_a_folder_that_cannot_be_read_is_named_after_the_songs(tree, monkeypatch, argument):
    tree("album/cd 1/a.wav", "album/cd 2/b.wav", "album/cd 3/c.wav")
    scandir = os.scandir

    def deny_one(path):  # permission bits would not stop root
        if os.path.basename(path) == "cd 2":  # noqa: PTH119
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny_one)
    assert [(song.name, song.problem) for song in find(argument)] == [
        ("album/cd 1/a.wav", ""),
        ("album/cd 3/c.wav", ""),
        ("album/cd 2", "cannot be searched (Permission denied)"),
    ]


def test_a_file_name_with_pattern_characters_names_that_file(tree):
    tree("what [live].wav", "what l.wav")
    assert names("what [live].wav") == ["what [live].wav"]
    assert names("what [l].wav") == ["what l.wav"]
