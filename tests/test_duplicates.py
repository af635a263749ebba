"""Fingerprints: changed copies of a recording are found, and different recordings are not confused."""

import io
from pathlib import Path

import numpy as np
import pytest

from timbre.dataset.duplicates import THRESHOLD, fingerprint, near_duplicates

SAMPLE = Path(__file__).parents[2] / "shared/kaggle-sample"
SAMPLE_RATE = 22050


def mel_of(waveform):
    import librosa

    power = librosa.feature.melspectrogram(
        y=waveform, sr=SAMPLE_RATE, n_fft=1024, hop_length=441, n_mels=80, fmin=30, fmax=11025
    )
    return librosa.power_to_db(power, amin=1e-10, top_db=None)


def pluck(frequency, seconds=2.0):
    """A decaying tone of 20 harmonics, peak about 1."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    numbers = np.arange(1, 21)[:, None]
    return (np.sin(2 * np.pi * frequency * numbers * time) * np.exp(-time * (1 + numbers / 2)) / numbers).sum(0)


def as_mp3(waveform):
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="MP3")
    file.seek(0)
    return soundfile.read(file)[0]


def as_narrow(waveform):
    import soxr

    return soxr.resample(soxr.resample(waveform, SAMPLE_RATE, 16000), 16000, SAMPLE_RATE)


def noisy(waveform):
    noise = np.random.default_rng(0).standard_normal(len(waveform))
    return waveform + noise * np.sqrt(np.mean(waveform**2)) * 10 ** (-30 / 20)


CHANGES = {  # the change, and the share of copies that may be missed
    "gain": (lambda waveform: waveform * 0.03, 0),
    "silence around": (lambda waveform: np.pad(waveform, 8000), 0),
    "mp3": (as_mp3, 0.05),
    "16 kHz": (as_narrow, 0),
    "noise at -30 dB": (noisy, 0.02),
    "start cut by 50 ms": (lambda waveform: waveform[1102:], 0.2),
    "last tenth cut": (lambda waveform: waveform[: len(waveform) * 9 // 10], 0.07),
}


@pytest.fixture(scope="module")
def recordings():
    if not SAMPLE.is_dir():
        pytest.skip("../shared/kaggle-sample is missing")
    import soundfile
    import soxr

    found = {}
    for path in sorted(SAMPLE.rglob("*.wav")):
        try:
            waveform, rate = soundfile.read(path, always_2d=True)
        except soundfile.SoundFileError:
            continue
        if np.isfinite(waveform).all() and np.abs(waveform).max(initial=0) > 1e-3:
            found[path.name] = soxr.resample(waveform.mean(1), rate, SAMPLE_RATE)
    assert len(found) == 191
    return found


@pytest.fixture(scope="module")
def fingerprints(recordings):
    return np.stack([fingerprint(mel_of(waveform)) for waveform in recordings.values()])


def test_no_two_real_recordings_are_alike(recordings, fingerprints):
    assert near_duplicates(fingerprints, list(recordings)) == []


@pytest.mark.parametrize("name", CHANGES)
def test_copies_of_real_recordings_are_found_and_match_no_other(recordings, fingerprints, name):
    change, may_miss = CHANGES[name]
    chosen = list(recordings)[::6]
    copies = np.stack([fingerprint(mel_of(change(recordings[file]))) for file in chosen])
    pairs = near_duplicates(np.concatenate([fingerprints, copies]), [*recordings, *(f"~{file}" for file in chosen)])
    found = {original for original, copy in pairs if copy == f"~{original}"}
    assert len(pairs) == len(found)
    assert len(found) >= (1 - may_miss) * len(chosen)


def test_notes_a_semitone_apart_are_different():
    notes = [fingerprint(mel_of(pluck(82.4 * 2 ** (number / 12)))) for number in range(24)]
    assert near_duplicates(np.stack(notes), [str(number) for number in range(24)]) == []


def test_level_silence_and_tempo_of_a_whole_clip_do_not_matter():
    mel = mel_of(pluck(220.0)).astype(np.float32)
    expected = fingerprint(mel)
    silence = np.full((80, 30), -100.0, np.float32)
    assert expected.shape == (9, 768) and expected.dtype == np.float32
    assert np.allclose(fingerprint(mel + 17), expected, atol=1e-4)
    assert np.allclose(fingerprint(np.hstack([silence, mel, silence])), expected, atol=1e-4)
    assert np.allclose(fingerprint(np.repeat(mel, 2, axis=1)), expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(80, 1), (80, 3), (1, 50), (128, 2000)])
def test_any_size_of_mel_has_a_fingerprint(shape):
    found = fingerprint(np.random.default_rng(0).uniform(-80, 0, shape))
    assert found.shape == (9, 768) and np.isfinite(found).all() and 0 <= found.min() <= found.max() <= 50


def test_pairs_are_found_across_blocks_and_named_in_order():
    rng = np.random.default_rng(0)
    prints = rng.uniform(0, 50, (600, 9, 768)).astype(np.float32)
    prints[599, 3] = prints[7, 0] + THRESHOLD * 0.99  # a cut of one clip matches the whole of the other
    prints[300] = prints[299] + THRESHOLD * 1.01
    files = [f"{599 - number:03}" for number in range(600)]
    assert near_duplicates(prints, files) == [("000", "592")]
    assert near_duplicates(prints, files, THRESHOLD * 1.02) == [("000", "592"), ("299", "300")]
    assert near_duplicates(prints[:0], []) == []
