import numpy as np
import pytest
import soundfile
from helpers import tone

from timbre.audio.decode import decode
from timbre.audio.windows import cut, levels, limited
from timbre.core.errors import AudioError
from timbre.dataset.windows import write_windows

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
def test_every_format_rate_and_number_of_channels_decodes_to_the_same_sound(tmp_path, name, options, rate, channels):
    if name == "a.mp3" and channels > 2:
        pytest.skip("mp3 has at most two channels")
    path = tmp_path / name
    sound = np.repeat(tone(440, 2, rate)[:, None], channels, axis=1)
    soundfile.write(path, sound, rate, **options)
    decoded = np.concatenate(list(decode(path, RATE)))
    assert decoded.dtype == np.float32
    assert len(decoded) == pytest.approx(2 * RATE, abs=0.2 * RATE)  # mp3 pads both ends
    middle = decoded[RATE // 2 : 3 * RATE // 2]
    assert dominant_hertz(middle, RATE) == pytest.approx(440, abs=2)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.1)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "a.wav"
    left, right = tone(440, 1, RATE), tone(1000, 1, RATE)
    soundfile.write(path, np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    assert np.concatenate(list(decode(path, RATE))) == pytest.approx((left + right) / 2, abs=1e-6)


@pytest.mark.parametrize("blocks", [[100], [30, 30, 30, 10], [1] * 100])
def test_windows_do_not_depend_on_the_sizes_of_blocks(blocks):
    sound = np.arange(100, dtype=np.float32)
    pieces = np.split(sound, np.cumsum(blocks)[:-1])
    windows = list(cut(pieces, 30))
    assert np.concatenate(windows)[:90].tolist() == sound[:90].tolist()
    assert len(windows) == 3  # the last 10 samples fill less than half a window


def test_a_rest_is_padded_and_kept_if_it_fills_half_a_window_or_is_the_only_window():
    assert [window.tolist() for window in cut([np.ones(5, np.float32)], 3)] == [[1, 1, 1], [1, 1, 0]]
    assert [window.tolist() for window in cut([np.ones(1, np.float32)], 3)] == [[1, 0, 0]]


def test_windows_are_scaled_to_full_peak_and_near_silent_ones_are_left_out(tmp_path):
    path = tmp_path / "a.wav"
    sound = tone(440, 3, RATE)
    sound[RATE : 2 * RATE] *= 0.001
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    kept, properties = write_windows(path, tmp_path / "part", RATE, RATE)
    assert kept.tolist() == [True, False, True]
    windows = np.fromfile(tmp_path / "part", "int16").reshape(2, RATE)
    assert np.abs(windows).max(axis=1).tolist() == [32767, 32767]
    np.testing.assert_array_equal(windows[1, :-100], windows[0, :-100])  # its third second, not its silent second
    assert properties == (RATE, 1, 3.0, pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.2))


@pytest.mark.parametrize("length", [1, 80, 200])
def test_a_click_or_pop_does_not_move_a_level(length):
    sound = 0.01 * tone(440, 1, RATE)
    level = 0.005 / 2**0.5
    assert levels(sound[None], RATE)[0] == pytest.approx([level], rel=0.05)
    assert levels(sound[None], RATE, 4)[0] == pytest.approx([level] * 4, rel=0.05)
    sound[5000 : 5000 + length // 2] = 1
    sound[9000 : 9000 + length // 2] = -1
    assert levels(sound[None], RATE)[0] == pytest.approx([level], rel=0.05)


def test_a_pop_does_not_make_the_rest_count_as_silence(tmp_path):
    sound = 0.005 * tone(440, 4, RATE)
    sound[8000:8080] = 1
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    kept, _ = write_windows(tmp_path / "a.wav", tmp_path / "part", RATE, RATE)
    assert kept.all()


def test_samples_beyond_full_scale_are_limited_unless_the_whole_file_is_louder():
    sound = tone(440, 1, RATE)
    glitch, loud = sound.copy(), 30_000 * sound
    glitch[5000 : 5000 + RATE // 20] = 500
    for window, peak in ((sound, 0.5), (glitch, 8 * 0.5 / 2**0.5), (loud, 15_000)):
        assert limited(window[None], RATE).max() == pytest.approx(peak, rel=0.01)


def not_finite():
    sound = tone(440, 1, RATE)
    sound[100] = np.nan
    return sound


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"no audio at all", "cannot be read as audio"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "is cut off: 16 of 43 bytes are there"),
        (np.zeros(0), "is empty"),
        (np.zeros(RATE), "is silent"),
        (not_finite(), "not finite"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "a.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        soundfile.write(path, content, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=reason):
        write_windows(path, tmp_path / "part", RATE, RATE)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(AudioError, match="cannot be read"):
        write_windows(tmp_path / "gone.wav", tmp_path / "part", RATE, RATE)
