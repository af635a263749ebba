import librosa
import numpy as np
import pytest
import torch
from helpers import tone

from timbre.core.errors import ParamsError
from timbre.core.params import Mel
from timbre.features.mel import MelSpectrogram, db_to_power, filter_bank, power_to_db, reference_to_peak


def test_mels_equal_those_of_librosa(params):
    mel, rate = params.mel, params.audio.sample_rate
    sound = np.random.default_rng(0).normal(size=rate).astype(np.float32)
    expected = librosa.feature.melspectrogram(
        y=sound,
        sr=rate,
        n_fft=mel.n_fft,
        hop_length=mel.hop_length,
        n_mels=mel.n_mels,
        fmin=mel.fmin,
        fmax=mel.fmax,
    )
    ours = MelSpectrogram(mel, filter_bank(rate, mel))(torch.from_numpy(sound)[None])[0].numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-3)


def test_a_tone_is_loudest_in_the_band_of_its_frequency(params):
    mel, rate = params.mel, params.audio.sample_rate
    power = MelSpectrogram(mel, filter_bank(rate, mel))(torch.from_numpy(tone(1000, 1, rate))[None])[0]
    centres = librosa.mel_frequencies(mel.n_mels + 2, fmin=mel.fmin, fmax=mel.fmax)[1:-1]
    assert centres[power.mean(dim=1).argmax()] == pytest.approx(1000, rel=0.05)


def test_settings_that_leave_bands_empty_are_refused():
    """128 bands from a 400-point FFT: the project that this one grew from had six empty bands in every mel."""
    with pytest.raises(ParamsError, match=r"mel\.n_mels: \d+ of 128 bands are empty with mel\.n_fft 400"):
        filter_bank(22050, Mel(n_fft=400, hop_length=200, n_mels=128, fmin=0, fmax=11025))


def test_decibels_convert_back_to_power_and_models_see_80_of_them():
    power = torch.tensor([[[1e-12, 1e-3, 1.0, 100.0]]])
    decibels = power_to_db(power)
    assert decibels.flatten().tolist() == pytest.approx([-100, -30, 0, 20], abs=1e-4)
    assert db_to_power(decibels).flatten()[1:].tolist() == pytest.approx([1e-3, 1, 100], rel=1e-4)
    assert reference_to_peak(decibels).flatten().tolist() == pytest.approx([-2, -0.5, 1, 2], abs=1e-4)
