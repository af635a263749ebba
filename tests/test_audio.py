import numpy as np
import pytest
import soundfile
from conftest import tone

from timbre.audio import cut, source_of, stream, write_windows
from timbre.errors import AudioError

RATE = 16000


def dominant_hertz(waveform, rate):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return spectrum.argmax() * rate / len(waveform)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "PCM_32"}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 6), (16000, 1)])
def test_every_format_rate_and_number_of_channels_comes_out_as_the_same_sound(tmp_path, name, options, rate, channels):
    if name == "a.mp3" and channels > 2:
        pytest.skip("mp3 has two channels at most")
    path = tmp_path / name
    sound = np.repeat(tone(440, 2, rate)[:, None], channels, axis=1)
    soundfile.write(path, sound, rate, **options)
    heard = np.concatenate(list(stream(path, RATE)))
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(2 * RATE, abs=0.2 * RATE)  # mp3 pads both ends
    middle = heard[RATE // 2 : 3 * RATE // 2]
    assert dominant_hertz(middle, RATE) == pytest.approx(440, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.1)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "a.wav"
    sound = tone(440, 1, RATE)
    soundfile.write(path, np.stack([sound, -sound / 2], axis=1), RATE, subtype="FLOAT")
    assert np.concatenate(list(stream(path, RATE))) == pytest.approx(sound / 4, abs=1e-6)


@pytest.mark.parametrize("blocks", [[100], [30, 30, 30, 10], [1] * 100])
def test_windows_do_not_depend_on_how_the_file_was_read(blocks):
    sound = np.arange(100, dtype=np.float32)
    pieces = np.split(sound, np.cumsum(blocks)[:-1])
    windows = list(cut(pieces, 30))
    assert np.concatenate(windows)[:90].tolist() == sound[:90].tolist()
    assert len(windows) == 3  # the last 10 samples fill less than half a window


def test_a_rest_is_padded_where_it_fills_half_a_window_or_is_all_there_is():
    assert [window.tolist() for window in cut([np.ones(5, np.float32)], 3)] == [[1, 1, 1], [1, 1, 0]]
    assert [window.tolist() for window in cut([np.ones(1, np.float32)], 3)] == [[1, 0, 0]]


def test_windows_are_scaled_to_full_peak_and_near_silent_ones_are_not_to_be_kept(tmp_path):
    path = tmp_path / "a.wav"
    sound = tone(440, 3, RATE)
    sound[RATE : 2 * RATE] *= 0.001
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    kept = write_windows(path, tmp_path / "part", RATE, RATE)
    assert kept.tolist() == [True, False, True]
    windows = np.fromfile(tmp_path / "part", "int16").reshape(2, RATE)
    assert np.abs(windows).max(axis=1).tolist() == [32767, 32767]
    np.testing.assert_array_equal(windows[1, :-100], windows[0, :-100])  # its third second, not its silent second
    assert source_of(path) == (RATE, 1, 3.0)


def not_finite():
    sound = tone(440, 1, RATE)
    sound[100] = np.nan
    return sound


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read as audio"),
        (b"no audio at all", "cannot be read as audio"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "cannot be read as audio"),
        (np.zeros(0), "is empty"),
        (np.zeros(RATE), "is silent"),
        (not_finite(), "not finite"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path, content, reason):
    path = tmp_path / "a.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        soundfile.write(path, content, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=reason):
        write_windows(path, tmp_path / "part", RATE, RATE)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(AudioError, match="cannot be read"):
        write_windows(tmp_path / "gone.wav", tmp_path / "part", RATE, RATE)
