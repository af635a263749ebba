"""Measure how fast mels are extracted, relative to librosa and to bare transforms: `python benchmarks/mels.py [clips]`.

All work on the same packed waveforms. Timbre and librosa compute the same log mels as 16-bit floats. Only Timbre writes
them to disk.
"""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import librosa
import numpy as np
import scipy.fft
import torch
from threadpoolctl import threadpool_limits
from timing import Line, in_turns, show

from timbre.core.params import Compute, load_params
from timbre.core.rng import generator
from timbre.features.extraction import clip_mels, write_mels
from timbre.features.mel import filter_bank

CLIPS_PER_BATCH = (1, 16)


def by_timbre(pack: Path, out: Path, workers: int) -> None:
    params = load_params()
    rows = range(len(np.load(pack, mmap_mode="r")))
    extract = partial(clip_mels, pack=pack, sample_rate=params.audio.sample_rate, mel=params.mel)
    write_mels(out, rows, extract, Compute(workers=workers), "mels")


def by_librosa(pack: Path) -> list[np.ndarray]:
    params = load_params()
    melspectrogram = partial(
        librosa.feature.melspectrogram, sr=params.audio.sample_rate, pad_mode="constant", **params.mel.model_dump()
    )
    mels = []
    for clip in np.load(pack, mmap_mode="r"):
        sound = clip.astype(np.float32) / 32767
        mels.append(librosa.power_to_db(melspectrogram(y=sound), top_db=None).astype(np.float16))
    return mels


def _in_batches(pack: Path, batch_size: int) -> list[np.ndarray]:
    waveforms = np.load(pack, mmap_mode="r")
    return [waveforms[start : start + batch_size] for start in range(0, len(waveforms), batch_size)]


def by_torch(pack: Path, batch_size: int) -> None:
    """Compute only the Fourier transform and the matrix product, with torch."""
    params = load_params()
    bank, mel = filter_bank(params.audio.sample_rate, params.mel), params.mel
    window = torch.hann_window(mel.n_fft)
    with torch.inference_mode():
        for batch in _in_batches(pack, batch_size):
            sound = torch.from_numpy(batch.astype(np.float32))
            spectrum = torch.stft(sound, mel.n_fft, mel.hop_length, window=window, return_complex=True)
            bank @ (spectrum.real.square() + spectrum.imag.square())


def by_scipy(pack: Path, batch_size: int) -> None:
    """Compute only the Fourier transform and the matrix product, with pocketfft on overlapping frames."""
    params = load_params()
    bank, mel = filter_bank(params.audio.sample_rate, params.mel).numpy().T, params.mel
    window = scipy.signal.get_window("hann", mel.n_fft).astype(np.float32)
    for batch in _in_batches(pack, batch_size):
        sound = np.pad(batch.astype(np.float32), ((0, 0), (mel.n_fft // 2, mel.n_fft // 2)))
        frames = np.lib.stride_tricks.sliding_window_view(sound, mel.n_fft, axis=1)[:, :: mel.hop_length]
        spectrum = scipy.fft.rfft(frames * window, workers=1)
        (spectrum.real**2 + spectrum.imag**2) @ bank


def measure(clips: int = 600) -> list[Line]:
    import scipy.signal  # noqa: F401 (so that the import is not timed)

    params = load_params()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder, threadpool_limits(1):
        pack, out = Path(folder) / "pack.npy", Path(folder) / "mels.npy"
        np.save(pack, generator(0, "benchmark").normal(0, 3000, (clips, params.audio.samples)).astype(np.int16))
        two, one, librosas, *bare = in_turns(
            partial(by_timbre, pack, out, 2),
            partial(by_timbre, pack, out, 1),
            partial(by_librosa, pack),
            *(partial(transform, pack, size) for transform in (by_torch, by_scipy) for size in CLIPS_PER_BATCH),
        )
    return [
        Line("mels: speed on two cores, relative to librosa, clip by clip, on one", f"{librosas / two:.1f}", "≥ 3"),
        Line("mels: speed on one thread, relative to librosa, clip by clip, on one", f"{librosas / one:.1f}"),
        Line(
            "mels: speed on one thread, relative to the fastest bare transform and product (torch, pocketfft)",
            f"{min(bare) / one:.2f}",
            "≥ 0.8",
        ),
        Line(f"mels: clips of {params.audio.window:g} s per second, two cores (absolute)", f"{clips / two:.0f}"),
    ]


if __name__ == "__main__":
    show(measure(*map(int, sys.argv[1:])))
