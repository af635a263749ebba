"""The mel spectrogram. Extraction, mixing, prediction and export share this one transform."""

import math
import warnings
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from timbre.core.errors import ParamsError
from timbre.core.params import Mel

FLOOR = 1e-10  # lowest power: -100 dB
MODEL_RANGE_DB = 80.0  # dynamic range of a model's input, below the loudest point
NEIGHBOURS = 16  # bands multiplied at once: their filters are 0 outside a common range of FFT bins


def filter_bank(sample_rate: int, mel: Mel) -> Tensor:
    """Return librosa's mel filters (Slaney's scale and norm), float32 `[bands, n_fft / 2 + 1]`.

    Raises:
        ParamsError: a band has no FFT bin, so that it would always be silent.
    """
    from librosa.filters import mel as make_filters

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of empty bands, which are refused below
        bank = make_filters(sr=sample_rate, n_fft=mel.n_fft, n_mels=mel.n_mels, fmin=mel.fmin, fmax=mel.fmax)
    if empty := int((bank.max(axis=1) == 0).sum()):
        raise ParamsError(
            f"params.yaml: mel.n_mels: {empty} of {mel.n_mels} bands are empty with mel.n_fft {mel.n_fft}; "
            "lower mel.n_mels or raise mel.n_fft"
        )
    return torch.from_numpy(bank)


class MelSpectrogram(nn.Module):
    """Power mel spectrogram with librosa's conventions: Hann window, frames centred on multiples of the hop length.

    Args:
        mel: sizes in samples and frequencies in Hz.
        filters: See `filter_bank`. Model files carry their filters, so that prediction does not import librosa.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, mel: Mel, filters: Tensor) -> None:
        super().__init__()
        self.n_fft, self.hop_length = mel.n_fft, mel.hop_length
        self.bin_ranges = [_bin_range(bands) for bands in filters.split(NEIGHBOURS)]
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(mel.n_fft), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Turn waveforms `[batch, samples]` into power mels `[batch, bands, frames]`.

        Each waveform is transformed by itself. Its spectrum then fits into a core's cache, which is two to three times
        as fast.
        """
        return torch.stack([self._power_mel(waveform) for waveform in waveforms])

    def spectrum(self, waveforms: Tensor) -> Tensor:
        """Return the short-time Fourier transform of waveforms `[…, samples]`, complex `[…, bins, frames]`."""
        return torch.stft(
            waveforms,
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )

    def _power_mel(self, waveform: Tensor) -> Tensor:
        spectrum = self.spectrum(waveform)
        power = spectrum.real.square() + spectrum.imag.square()
        groups = zip(self.filters.split(NEIGHBOURS), self.bin_ranges, strict=True)
        return torch.cat([bands[:, bins] @ power[bins] for bands, bins in groups])


def _bin_range(bands: Tensor) -> slice:
    """Return the range of FFT bins in which some filters `[bands, bins]` are not 0."""
    used = bands.amax(dim=0).nonzero()[:, 0]
    return slice(int(used[0]), int(used[-1]) + 1)


def power_to_db(power: Tensor) -> Tensor:
    """Convert power to decibels, at least -100 dB."""
    return 10 * power.clamp_min(FLOOR).log10()


def db_to_power(db: Tensor) -> Tensor:
    """Convert decibels to power."""
    return (db * (math.log(10) / 10)).exp()  # faster than a power of 10


def reference_to_peak(db: Tensor) -> Tensor:
    """Scale log mels `[batch, bands, frames]` for a model: 2 at the loudest point, -2 from 80 dB below it."""
    below = db - db.amax(dim=(1, 2), keepdim=True)
    return below.clamp_min(-MODEL_RANGE_DB) / (MODEL_RANGE_DB / 4) + 2


def log_mels(waveforms: np.ndarray, sample_rate: int, mel: Mel) -> np.ndarray:
    """Return the log mels of waveforms, float16 `[rows, bands, frames]`, in dB.

    Args:
        waveforms: float32 `[rows, samples]`, full scale at 1.
        sample_rate: of the waveforms, in Hz.
        mel: sizes in samples and frequencies in Hz.
    """
    torch.set_num_threads(1)  # for this Python thread: sums, and so bytes, do not depend on the number of cores
    with torch.inference_mode():
        power = _transform(sample_rate, mel)(torch.from_numpy(waveforms))
        return power_to_db(power).half().numpy()


@lru_cache(maxsize=1)
def _transform(sample_rate: int, mel: Mel) -> MelSpectrogram:
    return MelSpectrogram(mel, filter_bank(sample_rate, mel))
