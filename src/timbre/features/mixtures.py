"""Layered mixtures: recipes drawn from a fixed seed, and the sums of waveforms they describe."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.instruments import INSTRUMENTS
from timbre.core.params import Mel, Mixtures
from timbre.core.rng import generator
from timbre.core.tables import Part, Window
from timbre.features.arrays import open_array
from timbre.features.mel import log_mels

ACTIVE = 10 ** (-30 / 10)  # power of the parts of a window that count for its level, below the loudest
LEVEL_BLOCKS = 40


def draw_recipes(windows: Sequence[Window], split: str, count: int, options: Mixtures, seed: int) -> list[Part]:
    """Draw `count` mixtures from the windows of one split.

    Sizes cycle so that all are equally frequent; instruments, clips (then a window of each), gains and
    offsets are drawn from a generator that knows seed, split and mixture, and nothing else.
    """
    clips: dict[str, dict[str, list[Window]]] = {instrument: {} for instrument in INSTRUMENTS}
    for window in windows:
        if window.split == split and window.label in clips:
            clips[window.label].setdefault(window.file, []).append(window)
    most = options.train_instruments if split == "train" else options.max_instruments
    sizes = range(options.min_instruments, most + 1)
    recipes = []
    for mixture in range(count):
        rng = generator(seed, "mixtures", split, mixture)
        size = sizes[mixture % len(sizes)]
        for label in sorted(rng.choice(len(INSTRUMENTS), size, replace=False)):
            files = clips[INSTRUMENTS[label]]
            if not files:
                raise DataError(f"{split} has no {INSTRUMENTS[label]} to mix; add clips of other recordings")
            candidates = files[sorted(files)[rng.integers(len(files))]]
            window = candidates[rng.integers(len(candidates))]
            recipes.append(
                Part(
                    mixture=mixture,
                    row=window.row,
                    instrument=INSTRUMENTS[label],
                    gain_db=round(float(rng.uniform(-options.gain_db, options.gain_db)), 2),
                    offset=round(float(rng.uniform(0, options.offset)), 3),
                    file=window.file,
                    start=window.start,
                )
            )
    return recipes


def level(waveform: np.ndarray) -> float:
    """Root mean square of a waveform `[samples]` over the blocks within 30 dB of its loudest block.

    Silence around a short note or a drum hit does not make it quieter.
    """
    blocks = waveform[: len(waveform) // LEVEL_BLOCKS * LEVEL_BLOCKS].reshape(LEVEL_BLOCKS, -1)
    power = np.square(blocks).mean(axis=1)
    return float(np.sqrt(power[power >= ACTIVE * power.max()].mean()))


def mix(parts: Sequence[Part], pack: np.ndarray, sample_rate: int) -> np.ndarray:
    """Add the parts of one mixture: float32 `[samples]`, peak 1.

    Args:
        parts: the parts of this mixture.
        pack: int16 windows `[rows, samples]`.
        sample_rate: of the pack, in Hz.
    """
    total = np.zeros(pack.shape[1], np.float32)
    for part in parts:
        waveform = pack[part.row].astype(np.float32)
        late = round(part.offset * sample_rate)
        gain = 10 ** (part.gain_db / 20) / max(level(waveform), 1e-9)
        total[late:] += np.float32(gain) * waveform[: len(waveform) - late]
    return total / max(float(np.abs(total).max()), 1e-9)


def mixture_mels(recipes: Sequence[Sequence[Part]], *, pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    """Log mels of some mixtures of rows of a waveform pack: float16 `[recipes, bands, frames]`, dB."""
    waveforms = open_array(pack)
    return log_mels(np.stack([mix(parts, waveforms, sample_rate) for parts in recipes]), sample_rate, mel)
