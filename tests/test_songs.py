import os

import numpy as np
import pytest

from timbre.core.errors import AudioError
from timbre.songs.find import find
from timbre.songs.prefetch import map_ordered, prefetch
from timbre.songs.spectrogram import MIN_COLUMNS, StreamingSpectrogram

RATE = 16000


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
    assert find(str(tmp_path / "empty"))[0].problem == "has no audio files"
    assert find(str(tmp_path / "*.mp3"))[0].problem == "matches no file"


@pytest.mark.parametrize("frames", [1, 500, 2 * MIN_COLUMNS + 1, 50_001])
def test_an_overview_keeps_time_and_level_in_few_columns(frames):
    overview, ramp = StreamingSpectrogram(2), np.linspace(1, 2, frames)
    for piece in np.array_split(ramp, max(1, frames // 170)):
        overview.add(np.stack([piece, 2 * piece]).astype(np.float32))
    power = 10 ** (overview.decibels() / 10)
    assert min(frames, MIN_COLUMNS) <= power.shape[1] <= 2 * MIN_COLUMNS + 1
    expected = np.interp(np.linspace(0, 1, power.shape[1]), np.linspace(0, 1, frames), ramp)
    assert power[0] == pytest.approx(expected, abs=2e-3)
    assert power[1] == pytest.approx(2 * power[0], rel=1e-4)


def failing():
    yield 1
    raise AudioError("ends here")


def test_what_is_worked_out_ahead_comes_in_order_and_so_do_errors():
    assert list(prefetch(number for number in range(100))) == list(range(100))
    assert list(map_ordered(lambda number: number**2, range(50), 3)) == [number**2 for number in range(50)]
    items = prefetch(failing())
    assert next(items) == 1
    with pytest.raises(AudioError, match="ends here"):
        next(items)
