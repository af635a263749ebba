"""The mel spectrogram: one transform, shared by extraction, mixing, prediction and export."""

import math
import warnings
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from timbre.core.errors import ParamsError
from timbre.core.params import Mel

FLOOR = 1e-10  # power: −100 dB
MODEL_RANGE_DB = 80.0  # what a model sees below the loudest point
NEIGHBOURS = 16  # bands multiplied at once: they share a stretch of FFT bins, outside of which their filters are 0


def filter_bank(sample_rate: int, mel: Mel) -> Tensor:
    """librosa's mel filters (Slaney's scale and norm), float32 `[bands, n_fft / 2 + 1]`.

    Raises:
        ParamsError: a band would hold no FFT bin, so that it would be silent for ever.
    """
    from librosa.filters import mel as make_filters

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty bands: they are refused here
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
        mel: sizes.
        filters: as `filter_bank` makes them; model files carry theirs, so that listening need not import librosa.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, mel: Mel, filters: Tensor) -> None:
        super().__init__()
        self.n_fft, self.hop_length = mel.n_fft, mel.hop_length
        self.stretches = [_bin_range(bands) for bands in filters.split(NEIGHBOURS)]
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(mel.n_fft), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Turn waveforms `[batch, samples]` into power mels `[batch, bands, frames]`.

        One at a time: so its frames and their spectrum stay in a core's cache, which is two to three times as fast.
        """
        return torch.stack([self._one(waveform) for waveform in waveforms])

    def spectrum(self, waveforms: Tensor) -> Tensor:
        """The short-time Fourier transform of waveforms `[…, samples]`, complex `[…, bins, frames]`."""
        return torch.stft(
            waveforms,
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )

    def _one(self, waveform: Tensor) -> Tensor:
        spectrum = self.spectrum(waveform)
        power = spectrum.real.square() + spectrum.imag.square()
        groups = zip(self.filters.split(NEIGHBOURS), self.stretches, strict=True)
        return torch.cat([bands[:, stretch] @ power[stretch] for bands, stretch in groups])


def _bin_range(bands: Tensor) -> slice:
    """From the first FFT bin that any of some filters `[bands, bins]` hears to the last."""
    heard = bands.amax(dim=0).nonzero()[:, 0]
    return slice(int(heard[0]), int(heard[-1]) + 1)


def power_to_db(power: Tensor) -> Tensor:
    """Power to decibels, from −100 dB up."""
    return 10 * power.clamp_min(FLOOR).log10()


def db_to_power(db: Tensor) -> Tensor:
    """Decibels to power."""
    return (db * (math.log(10) / 10)).exp()  # faster than a power of 10


def reference_to_peak(db: Tensor) -> Tensor:
    """Bring log mels `[batch, bands, frames]` to what models see: 2 at the loudest point, −2 at 80 dB below."""
    below = db - db.amax(dim=(1, 2), keepdim=True)
    return below.clamp_min(-MODEL_RANGE_DB) / (MODEL_RANGE_DB / 4) + 2


def log_mels(waveforms: np.ndarray, sample_rate: int, mel: Mel) -> np.ndarray:
    """Log mels of float32 waveforms `[rows, samples]`, full scale at 1: float16 `[rows, bands, frames]`, dB."""
    torch.set_num_threads(1)  # of this thread: the same sums, and so the same bytes, on any machine's cores
    with torch.inference_mode():
        power = _transform(sample_rate, mel)(torch.from_numpy(waveforms))
        return power_to_db(power).half().numpy()


@lru_cache(maxsize=1)
def _transform(sample_rate: int, mel: Mel) -> MelSpectrogram:
    return MelSpectrogram(mel, filter_bank(sample_rate, mel))
