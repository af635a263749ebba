"""Degradations of recordings: codecs, telephone, noise, rooms, speed, level and clipping.

Each takes and returns a mono waveform of `RATE`, float32 `[samples]`, full scale at 1.
"""

import io
from collections.abc import Callable
from functools import partial

import numpy as np

from timbre.audio.decode import Sound

RATE = 48_000  # Hz; MP3 and Opus both encode it
TELEPHONE_HZ = (300.0, 3400.0)
TELEPHONE_ORDER = 8  # of the band-pass filter
LOWEST_NOISE_HZ = 20.0
FORMATS = {"MP3": ("mp3", "libmp3lame"), "Opus": ("ogg", "libopus")}  # container and encoder

Degradation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def coded(waveform: np.ndarray, _: np.random.Generator, *, codec: str, kbits: int) -> np.ndarray:
    """Encode a waveform and decode it again.

    Args:
        waveform: The waveform.
        codec: A key of `FORMATS`.
        kbits: Bit rate in kbit/s.
    """
    import av

    file = io.BytesIO()
    container_format, encoder = FORMATS[codec]
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(encoder, rate=RATE, layout="mono", bit_rate=1000 * kbits)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format.name, "mono", RATE, stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    return np.concatenate(list(Sound(file).blocks(RATE)))


def telephone(waveform: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Keep the band of a telephone."""
    from scipy.signal import butter, sosfilt

    band = butter(TELEPHONE_ORDER, TELEPHONE_HZ, "bandpass", fs=RATE, output="sos")
    return sosfilt(band, waveform).astype(np.float32)


def noisy(waveform: np.ndarray, rng: np.random.Generator, *, snr_db: float) -> np.ndarray:
    """Add pink noise, which has equal power in each octave from 20 Hz, at a signal-to-noise ratio in dB."""
    spectrum = np.fft.rfft(rng.standard_normal(len(waveform)))
    hertz = np.fft.rfftfreq(len(waveform), 1 / RATE)
    spectrum *= np.where(hertz < LOWEST_NOISE_HZ, 0, 1 / np.sqrt(np.maximum(hertz, LOWEST_NOISE_HZ)))
    noise = np.fft.irfft(spectrum, len(waveform))
    gain = rms(waveform) / max(rms(noise), 1e-12) * 10 ** (-snr_db / 20)
    return (waveform + gain * noise).astype(np.float32)


def reverberant(waveform: np.ndarray, rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """Add the reverberation of a room, as loud as the direct sound: noise that decays by 60 dB in some seconds."""
    from scipy.signal import oaconvolve

    times = np.arange(1, round(seconds * RATE)) / RATE
    tail = rng.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    response = np.concatenate([[1.0], tail / np.linalg.norm(tail)])
    return oaconvolve(waveform, response)[: len(waveform)].astype(np.float32)


def at_speed(waveform: np.ndarray, _: np.random.Generator, *, factor: float) -> np.ndarray:
    """Play a waveform faster or slower, so that its pitch changes too."""
    import soxr

    return soxr.resample(waveform, factor * RATE, RATE)


def at_level(waveform: np.ndarray, _: np.random.Generator, *, db: float) -> np.ndarray:
    """Change the level."""
    return waveform * np.float32(10 ** (db / 20))


def clipped(waveform: np.ndarray, _: np.random.Generator, *, db: float) -> np.ndarray:
    """Amplify a waveform until its peak is some dB above full scale, and clip it there."""
    peak = max(float(np.abs(waveform).max(initial=0)), 1e-12)
    return np.clip(waveform * np.float32(10 ** (db / 20) / peak), -1, 1)


def rms(waveform: np.ndarray) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.square(waveform, dtype=float).mean()))


DEGRADATIONS: dict[str, Degradation] = {
    **{
        f"{codec}, {kbits} kbit/s": partial(coded, codec=codec, kbits=kbits)
        for codec in FORMATS
        for kbits in (128, 64, 32)
    },
    "telephone band": telephone,
    **{f"pink noise, SNR {snr} dB": partial(noisy, snr_db=snr) for snr in (20, 10, 0)},
    **{f"reverberation of {seconds:g} s": partial(reverberant, seconds=seconds) for seconds in (0.5, 2.0)},
    **{f"speed {percent:+} %": partial(at_speed, factor=1 + percent / 100) for percent in (10, -10)},
    "level -40 dB": partial(at_level, db=-40),
    "clipped by 12 dB": partial(clipped, db=12),
}
