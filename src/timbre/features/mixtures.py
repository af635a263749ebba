"""Layered mixtures: recipes drawn from a fixed seed, and the sums of waveforms they describe."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.params import Mel, Mixtures
from timbre.core.partial_labels import is_partial, is_single
from timbre.core.rng import generator
from timbre.core.tables import Part, Window
from timbre.features.arrays import open_array
from timbre.features.mel import log_mels

ACTIVE = 10 ** (-30 / 10)  # power of the parts of a window that count for its level, below the loudest
LEVEL_BLOCKS = 40
AS_OF = 4  # instruments: of more of them, no more play at once
MAX_OTHERS = 4  # in one mixture like music's
OTHERS_DB = (-14.0, 7.0)  # level of each, where instruments are drawn from -gain_db to gain_db


def who_plays(number: int, playing: float, most: int, has_others: bool, rng: np.random.Generator) -> np.ndarray:
    """Labels of the instruments, of `number`, in a mixture like music's, in a random order.

    Each plays with probability `playing`, or where there are many, less, so that as many play as of `AS_OF`; at most
    `most` do, and at least one where there is no other instrument to be heard in its place.
    """
    order = rng.permutation(number)
    players = (rng.random(number) < playing * min(1, AS_OF / number)).sum()
    return order[: np.clip(players, not has_others, most)]


def others_beside(share: float, players: int, rng: np.random.Generator) -> int:
    """How many others are in a mixture like music's: some in a share of these, and wherever nobody else plays."""
    return int(rng.integers(1, MAX_OTHERS + 1)) if rng.random() < share or not players else 0


def has_solos(windows: Iterable[Window]) -> bool:
    """Whether there are clips of one instrument alone."""
    return any(is_single(window.label) for window in windows)


def draw_recipes(
    windows: Sequence[Window],
    instruments: Sequence[str],
    split: str,
    count: int,
    options: Mixtures,
    playing: float,
    seed: int,
) -> list[Part]:
    """Draw `count` mixtures from the windows of one split.

    Those of train have two or more of the instruments and nothing else, and sizes cycle so that all are equally
    frequent. Those of validation and test are like music: each instrument plays with probability `playing`, mostly
    in company. Clips (then a window of each), gains and offsets are drawn from a generator that knows seed, split
    and mixture, and nothing else.

    None are drawn of a data set of labelled music alone.

    Raises:
        DataError: the split has no clip of an instrument that is to play.
    """
    if not has_solos(windows):
        return []
    clips: dict[str, dict[str, list[Window]]] = {name: {} for name in (*instruments, OTHER)}
    for window in windows:
        if window.split == split and not is_partial(window.label):
            clips[window.label].setdefault(window.file, []).append(window)
    has_others = bool(clips[OTHER])
    number = len(instruments)
    sizes = range(min(options.min_instruments, number), min(options.train_instruments, number) + 1)
    recipes = []
    for mixture in range(count):
        rng = generator(seed, "mixtures", split, mixture)
        if split == "train":
            labels, others = rng.choice(number, sizes[mixture % len(sizes)], replace=False), 0
        else:
            labels = who_plays(number, playing, options.max_instruments, has_others, rng)
            others = others_beside(options.others, len(labels), rng) if has_others else 0
        for name in [*(instruments[label] for label in sorted(labels)), *[OTHER] * others]:
            files = clips[name]
            if not files:
                raise DataError(f"{split} has no {name} to mix; add clips of other recordings")
            candidates = files[sorted(files)[rng.integers(len(files))]]
            window = candidates[rng.integers(len(candidates))]
            levels = OTHERS_DB if name == OTHER else (-options.gain_db, options.gain_db)
            recipes.append(
                Part(
                    mixture=mixture,
                    row=window.row,
                    instrument=name,
                    gain_db=round(float(rng.uniform(*levels)), 2),
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
