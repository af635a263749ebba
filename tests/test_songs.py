import io
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import tone

from timbre.ahead import ahead, side_by_side
from timbre.decode import decode
from timbre.errors import AudioError
from timbre.find import find
from timbre.overview import COLUMNS, Overview

RATE = 16000


@pytest.fixture
def ffmpeg():
    if not shutil.which("ffmpeg"):
        if os.environ.get("CI") == "true":
            pytest.fail("ffmpeg is not installed")
        pytest.skip("ffmpeg is not installed")

    def convert(*arguments):
        subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)

    return convert


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.stack([tone(440, 6, 44100)] * 2, axis=1), 44100)
    return path


def heard(path):
    return np.concatenate(list(decode(path, RATE)))


def test_folders_are_searched_in_order_and_patterns_expanded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("album/b.mp3", "album/a.FLAC", "album/cd 2/x.m4a", "album/.hidden.mp3", "album/cover.jpg", "one.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [os.path.join("album", *parts) for parts in (["a.FLAC"], ["b.mp3"], ["cd 2", "x.m4a"])]  # noqa: PTH118
    assert [song.name for song in find("album")] == names
    assert [song.inside for song in find("album")][-1] == os.path.join("cd 2", "x.m4a")  # noqa: PTH118
    assert [song.name for song in find("a*")] == names
    assert [song.name for song in find("*.wav")] == ["one.wav"]
    (tmp_path / "what [live].wav").touch()
    assert [song.name for song in find("what [live].wav")] == ["what [live].wav"]


def test_what_leads_to_no_song_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    assert find(str(tmp_path / "empty"))[0].problem == "holds no audio files"
    assert find(str(tmp_path / "*.mp3"))[0].problem == "matches no file"
    with pytest.raises(AudioError, match="No such file"):
        heard(tmp_path / "gone.mp3")


@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.mkv", "streamed.flac", "untagged.mp3"])
def test_ffmpeg_reads_what_soundfile_cannot(song, tmp_path, ffmpeg, name):
    path = tmp_path / name
    if name == "streamed.flac":  # its header does not say how long it is
        command = ["ffmpeg", "-v", "error", "-i", str(song), "-f", "flac", "-"]
        path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    elif name == "untagged.mp3":  # of changing bit rate, so that its size does not say how long it is
        ffmpeg("-i", song, "-af", "apad=pad_dur=30", "-q:a", "2", "-write_xing", "0", path)
    else:
        ffmpeg("-i", song, path)
    sound = heard(path)
    assert len(sound) == pytest.approx((36 if name == "untagged.mp3" else 6) * RATE, abs=0.2 * RATE)
    middle = sound[RATE : 2 * RATE]
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(440, abs=2)


def test_a_video_without_sound_says_so(tmp_path, ffmpeg):
    ffmpeg("-f", "lavfi", "-i", "testsrc=duration=1", tmp_path / "a.mp4")
    with pytest.raises(AudioError, match="holds no sound"):
        heard(tmp_path / "a.mp4")


def test_without_ffmpeg_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").write_bytes(b"\0" * 100)
    with pytest.raises(AudioError, match="without ffmpeg, which is not installed"):
        heard(tmp_path / "a.m4a")


@pytest.mark.parametrize("suffix", ["mp3", "flac"])
def test_a_song_that_is_cut_off_is_not_taken_for_whole(tmp_path, capfd, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (30 * RATE, 2)), RATE)
    assert len(heard(path)) == pytest.approx(30 * RATE, abs=RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(AudioError):
        heard(path)
    assert capfd.readouterr().err == ""


def test_text_named_mp3_is_no_song_and_libraries_say_nothing_of_their_own(tmp_path, capfd):
    (tmp_path / "a.mp3").write_text("not audio")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        heard(tmp_path / "a.mp3")
    assert capfd.readouterr().err == ""


def test_a_file_that_goes_away_after_it_was_found_is_an_audio_error(song, monkeypatch):
    monkeypatch.setattr("timbre.decode.length_of", lambda path: path.unlink())
    with pytest.raises(AudioError, match="No such file"):
        heard(song)


def test_standard_input_is_heard_as_the_file_is(song, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(song.read_bytes())))
    assert heard("-").tobytes() == heard(song).tobytes()


@pytest.mark.parametrize("frames", [1, 500, 2 * COLUMNS + 1, 50_001])
def test_an_overview_keeps_time_and_level_in_few_columns(frames):
    overview, ramp = Overview(2), np.linspace(1, 2, frames)
    for piece in np.array_split(ramp, max(1, frames // 170)):
        overview.add(np.stack([piece, 2 * piece]).astype(np.float32))
    power = 10 ** (overview.decibels() / 10)
    assert min(frames, COLUMNS) <= power.shape[1] <= 2 * COLUMNS + 1
    expected = np.interp(np.linspace(0, 1, power.shape[1]), np.linspace(0, 1, frames), ramp)
    assert power[0] == pytest.approx(expected, abs=2e-3)
    assert power[1] == pytest.approx(2 * power[0], rel=1e-4)


def failing():
    yield 1
    raise AudioError("ends here")


def test_what_is_worked_out_ahead_comes_in_order_and_so_do_errors():
    assert list(ahead(number for number in range(100))) == list(range(100))
    assert list(side_by_side(lambda number: number**2, range(50), 3)) == [number**2 for number in range(50)]
    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(AudioError, match="ends here"):
        next(items)
