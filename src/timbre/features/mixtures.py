"""Layered mixtures: recipes drawn from a fixed seed, and the sums of waveforms that they describe."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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

ACTIVE = 10 ** (-30 / 10)  # power relative to a window's loudest block: quieter blocks do not count for its level
LEVEL_BLOCKS = 40
AS_OF = 4  # with more instruments than this, no more of them play at once
MAX_OTHERS = 4  # other instruments in one mixture of validation or test
OTHERS_DB = (-14.0, 7.0)  # range of their levels; the instruments' levels are from -gain_db to gain_db

WindowsByClip = list[list[Window]]
"""The windows of each clip, sorted by the clip's file."""


@dataclass(frozen=True)
class RecipeOptions:
    """How recipes are drawn.

    Attributes:
        instruments: names of the instruments, in label order.
        mixtures: the section of params.yaml.
        playing: probability that each instrument plays in a mixture of validation or test.
        seed: draws the recipes, each mixture by itself.
    """

    instruments: Sequence[str]
    mixtures: Mixtures
    playing: float
    seed: int


def has_solos(windows: Iterable[Window]) -> bool:
    """Return whether there are clips of one instrument alone."""
    return any(is_single(window.label) for window in windows)


def solos_by_label(windows: Iterable[Window], instruments: Sequence[str], split: str) -> dict[str, WindowsByClip]:
    """Return the windows of each instrument (and of other) in one split, by clip. Labelled music is left out."""
    clips: dict[str, dict[str, list[Window]]] = {name: {} for name in (*instruments, OTHER)}
    for window in windows:
        if window.split == split and not is_partial(window.label):
            clips[window.label].setdefault(window.file, []).append(window)
    return {name: [by_file[file] for file in sorted(by_file)] for name, by_file in clips.items()}


def draw_window(clips: WindowsByClip, rng: np.random.Generator) -> Window:
    """Draw a clip, then one of its windows, so that long clips are not drawn more often."""
    windows = clips[rng.integers(len(clips))]
    return windows[rng.integers(len(windows))]


def level_range(name: str, mixtures: Mixtures) -> tuple[float, float]:
    """Return the lowest and highest level of an instrument (or of other) in a mixture, in dB."""
    return OTHERS_DB if name == OTHER else (-mixtures.gain_db, mixtures.gain_db)


def who_plays(number: int, playing: float, limit: int, has_others: bool, rng: np.random.Generator) -> np.ndarray:
    """Draw which instruments play in a mixture that resembles music. Return their labels in a random order.

    Args:
        number: number of instruments.
        playing: probability that each of up to `AS_OF` instruments plays. With more instruments it is lower, so that
            as many play.
        limit: largest number of players.
        has_others: whether other instruments can play. Without them, at least one instrument plays.
        rng: draws the number and the order.
    """
    order = rng.permutation(number)
    players = (rng.random(number) < playing * min(1, AS_OF / number)).sum()
    least = 0 if has_others else 1
    return order[: min(max(players, least), limit)]


def number_of_others(share: float, players: int, rng: np.random.Generator) -> int:
    """Draw how many other instruments play in a mixture that resembles music.

    A share of the mixtures has some, and so has each mixture in which no instrument plays.
    """
    return int(rng.integers(1, MAX_OTHERS + 1)) if rng.random() < share or not players else 0


def leading(instruments: Sequence[str], mixtures: Mixtures) -> list[str]:
    """Return the instruments that are not accompanying, in label order."""
    return [name for name in instruments if name not in mixtures.accompanying]


def draw_others(
    count: int, clips: Mapping[str, WindowsByClip], mixtures: Mixtures, rng: np.random.Generator
) -> list[str]:
    """Draw so many of the accompanying instruments and others, each as often as it has clips.

    An instrument that is drawn twice plays once.

    Args:
        count: how many to draw.
        clips: the clips of each instrument and of other.
        mixtures: the section of params.yaml.
        rng: draws the names.
    """
    if not mixtures.accompanying:
        return [OTHER] * count
    names = [*mixtures.accompanying, OTHER]
    ends = np.cumsum([len(clips[name]) for name in names])
    drawn = [names[np.searchsorted(ends, rng.integers(ends[-1]), side="right")] for _ in range(count)]
    return [*(name for name in mixtures.accompanying if name in drawn), *[OTHER] * drawn.count(OTHER)]


def draw_recipes(windows: Sequence[Window], split: str, options: RecipeOptions) -> list[Part]:
    """Draw the mixtures of one split from its windows, as many as `options.mixtures` says.

    In train, each mixture has two or more instruments and nothing else, and all sizes are equally frequent. In
    validation and test, mixtures resemble music: each instrument plays with a fixed probability, and most mixtures
    have other instruments too. Each mixture has its own random generator, keyed by seed, split and number.

    Args:
        windows: of all splits.
        split: split to draw from.
        options: instruments, sizes and levels, probability and seed.

    Returns:
        The parts of all mixtures, in order. Empty if the data set has only labelled music.

    Raises:
        DataError: the split has no clip of an instrument that is to play.
    """
    if not has_solos(windows):
        return []
    clips = solos_by_label(windows, options.instruments, split)
    recipes = []
    for mixture in range(getattr(options.mixtures, split)):
        rng = generator(options.seed, "mixtures", split, mixture)
        for name in _draw_players(mixture, split, clips, options, rng):
            if not clips[name]:
                raise DataError(f"{split} has no {name} to mix; add clips of other recordings")
            recipes.append(_draw_part(mixture, name, clips[name], options.mixtures, rng))
    return recipes


def _draw_players(
    mixture: int, split: str, clips: Mapping[str, WindowsByClip], options: RecipeOptions, rng: np.random.Generator
) -> list[str]:
    """Draw the instruments of one mixture, in label order, then others as often as other instruments play."""
    mixtures = options.mixtures
    if split == "train":
        number = len(options.instruments)
        sizes = range(min(mixtures.min_instruments, number), min(mixtures.train_instruments, number) + 1)
        labels = rng.choice(number, sizes[mixture % len(sizes)], replace=False)
        return [options.instruments[label] for label in sorted(labels)]
    names = leading(options.instruments, mixtures)
    has_others = any(clips[name] for name in (*mixtures.accompanying, OTHER))
    labels = who_plays(len(names), options.playing, mixtures.max_instruments, has_others, rng)
    others = number_of_others(mixtures.others, len(labels), rng) if has_others else 0
    return [*(names[label] for label in sorted(labels)), *draw_others(others, clips, mixtures, rng)]


def _draw_part(mixture: int, name: str, clips: WindowsByClip, options: Mixtures, rng: np.random.Generator) -> Part:
    """Draw a window of one instrument, its level and its offset."""
    window = draw_window(clips, rng)
    return Part(
        mixture=mixture,
        row=window.row,
        instrument=name,
        gain_db=round(float(rng.uniform(*level_range(name, options))), 2),
        offset=round(float(rng.uniform(0, options.offset)), 3),
        file=window.file,
        start=window.start,
    )


def level(waveform: np.ndarray) -> float:
    """Return the root mean square of a waveform `[samples]` over the blocks within 30 dB of its loudest block.

    So silence around a short note or a drum hit does not lower its level.
    """
    blocks = waveform[: len(waveform) // LEVEL_BLOCKS * LEVEL_BLOCKS].reshape(LEVEL_BLOCKS, -1)
    power = np.square(blocks).mean(axis=1)
    return float(np.sqrt(power[power >= ACTIVE * power.max()].mean()))


def mix(parts: Sequence[Part], pack: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the sum of a mixture's parts, float32 `[samples]`, peak 1.

    Args:
        parts: the parts of this mixture.
        pack: int16 windows `[rows, samples]`.
        sample_rate: of the pack, in Hz.
    """
    total = np.zeros(pack.shape[1], np.float32)
    for part in parts:
        waveform = pack[part.row].astype(np.float32)
        start = round(part.offset * sample_rate)
        gain = 10 ** (part.gain_db / 20) / max(level(waveform), 1e-9)
        total[start:] += np.float32(gain) * waveform[: len(waveform) - start]
    return total / max(float(np.abs(total).max()), 1e-9)


def mixture_mels(recipes: Sequence[Sequence[Part]], *, pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    """Return the log mels of some mixtures, float16 `[recipes, bands, frames]`, in dB.

    Args:
        recipes: the parts of each mixture.
        pack: path of the waveform pack.
        sample_rate: of the pack, in Hz.
        mel: sizes in samples and frequencies in Hz.
    """
    waveforms = open_array(pack)
    return log_mels(np.stack([mix(parts, waveforms, sample_rate) for parts in recipes]), sample_rate, mel)
