"""Sampling of training epochs: which windows are used, at which levels, and which instruments play."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from timbre.core.errors import ParamsError
from timbre.core.instruments import OTHER
from timbre.core.params import Mixtures
from timbre.core.partial_labels import is_partial, is_single, partial_targets
from timbre.core.tables import Window
from timbre.features.mixtures import MAX_OTHERS, OTHERS_DB, has_solos, leading, number_of_others, who_plays

MUSIC_CLASS = -1  # class of labelled music, of unknown parts


@dataclass(frozen=True)
class EpochSample:
    """The examples of one epoch: which rows of a mel pack to add up, and which instruments play.

    Attributes:
        rows: Row of the pack for each part, int `[clips, columns]`.
        gains_db: Level of each part, float `[clips, columns]`. Minus infinity: no part.
        targets: 1 for present, 0 for absent, NaN for unknown, float `[clips, instruments]`.
        classes: Class of each column, int `[columns]`: label of an instrument, the number of instruments for other, or
            `MUSIC_CLASS`. None if auxiliary losses do not apply.
    """

    rows: np.ndarray
    gains_db: np.ndarray
    targets: np.ndarray
    classes: np.ndarray | None = None


class Candidate(NamedTuple):
    """A clip that can be drawn.

    Attributes:
        label: Label of the clip.
        rows: Rows of its windows in the split's table.
        weight: How many clips it counts as.
    """

    label: str
    rows: list[int]
    weight: int


def candidates(windows: Sequence[Window]) -> list[Candidate]:
    """Group the windows of a split by clip."""
    clips: dict[str, Candidate] = {}
    for row, window in enumerate(windows):
        clips.setdefault(window.file, Candidate(window.label, [], window.weight)).rows.append(row)
    return list(clips.values())


def sample_single(
    windows: Sequence[Window], instruments: Sequence[str], repeats: float, rng: np.random.Generator
) -> EpochSample:
    """Draw `repeats` windows of each clip, times its weight, in a random order.

    Long clips count no more than short ones. With 1.5 repeats, half of the clips are drawn twice. Clips of other
    instruments are left out, because they are no example of any instrument.
    """
    clips = [clip for clip in candidates(windows) if is_single(clip.label)]
    once = np.repeat(np.arange(len(clips)), [clip.weight for clip in clips])
    rest = rng.permutation(once)[: round(repeats % 1 * len(once))]
    order = rng.permutation(np.concatenate([np.repeat(once, int(repeats)), rest]))
    return _one_window_of_each([clips[clip] for clip in order], instruments, rng)


def sample_layered(
    windows: Sequence[Window], instruments: Sequence[str], options: Mixtures, music: float, rng: np.random.Generator
) -> EpochSample:
    """Draw `fresh` examples: mixtures of solo clips, windows of labelled music, or both.

    If the split has both kinds, the fraction `music` of the examples is labelled music, in a random order.
    """
    clips = [clip for clip in candidates(windows) if is_partial(clip.label)]
    if not clips:
        return sample_mixtures(windows, instruments, options, rng)
    count = round(music * options.fresh) if has_solos(windows) else options.fresh
    labelled_music = _sample_music(clips, instruments, count, rng)
    if count == options.fresh:
        return labelled_music
    options = options.model_copy(update={"fresh": options.fresh - count})
    return _shuffled(sample_mixtures(windows, instruments, options, rng), labelled_music, rng)


def _sample_music(
    clips: Sequence[Candidate], instruments: Sequence[str], count: int, rng: np.random.Generator
) -> EpochSample:
    """Draw `count` windows of labelled music. Every clip is used, as often as its weight, before any is used again."""
    once = np.repeat(np.arange(len(clips)), [clip.weight for clip in clips])
    rounds = [rng.permutation(once) for _ in range(math.ceil(count / len(once)))]
    order = np.concatenate([once[:0], *rounds])[:count]
    sample = _one_window_of_each([clips[clip] for clip in order], instruments, rng)
    return replace(sample, classes=np.array([MUSIC_CLASS]))


def _one_window_of_each(
    clips: Sequence[Candidate], instruments: Sequence[str], rng: np.random.Generator
) -> EpochSample:
    """Draw one window of each clip, at its own level."""
    rows = np.array([rng.choice(clip.rows) for clip in clips], int)
    targets = partial_targets([clip.label for clip in clips], instruments)
    return EpochSample(rows[:, None], np.zeros((len(rows), 1)), targets)


def _shuffled(mixtures: EpochSample, music: EpochSample, rng: np.random.Generator) -> EpochSample:
    """Join mixtures and labelled music in a random order. Music gets its own column."""
    assert mixtures.classes is not None and music.classes is not None
    order = rng.permutation(len(mixtures.targets) + len(music.targets))
    return EpochSample(
        rows=_block_diagonal(mixtures.rows, music.rows, fill=0)[order],
        gains_db=_block_diagonal(mixtures.gains_db, music.gains_db, fill=-np.inf)[order],
        targets=np.concatenate([mixtures.targets, music.targets])[order],
        classes=np.concatenate([mixtures.classes, music.classes]),
    )


def _block_diagonal(first: np.ndarray, second: np.ndarray, fill: float) -> np.ndarray:
    """Return a matrix with `first` in its upper left, `second` in its lower right, and `fill` elsewhere."""
    rows, columns = np.add(first.shape, second.shape)
    matrix = np.full((rows, columns), fill, first.dtype)
    matrix[: len(first), : first.shape[1]] = first
    matrix[len(first) :, first.shape[1] :] = second
    return matrix


class _Pool(NamedTuple):
    """Clips to draw from, and the sums of their weights up to each."""

    clips: Sequence[Candidate]
    ends: np.ndarray

    @classmethod
    def of(cls, clips: Sequence[Candidate]) -> "_Pool":
        return cls(clips, np.cumsum([clip.weight for clip in clips]))

    def draw(self, range_db: tuple[float, float], rng: np.random.Generator) -> tuple[str, int, float]:
        """Draw a part: the label of its clip, its row and its level in dB."""
        gain_db = rng.uniform(*range_db)
        clip = self.clips[np.searchsorted(self.ends, rng.integers(self.ends[-1]), side="right")]
        return clip.label, clip.rows[rng.integers(len(clip.rows))], gain_db


def sample_mixtures(
    windows: Sequence[Window], instruments: Sequence[str], options: Mixtures, rng: np.random.Generator
) -> EpochSample:
    """Draw `fresh` mixtures that resemble real music: each instrument plays with its own probability.

    If the split has clips of accompanying or other instruments, some mixtures get one or more of them, and so does
    every mixture in which no leading instrument plays. If it has none, every mixture has at least one of the
    instruments. An accompanying instrument that is drawn twice plays once.
    """
    all_clips = candidates(windows)
    labels = {name: label for label, name in enumerate((*instruments, OTHER))}
    by_name = {name: [clip for clip in all_clips if clip.label == name] for name in labels}
    leads = leading(instruments, options)
    others = [clip for name in (*options.accompanying, OTHER) for clip in by_name[name]]
    pools = {name: _Pool.of(clips) for name, clips in by_name.items()}
    pool_of_others = _Pool.of(others)
    number = len(instruments)
    rows = np.zeros((options.fresh, number + MAX_OTHERS), int)
    gains_db = np.full(rows.shape, -np.inf)
    targets = np.zeros((options.fresh, number), np.float32)

    for mixture in range(options.fresh):
        players = who_plays(len(leads), options.playing, options.train_instruments, bool(others), rng)
        parts = [pools[leads[player]].draw((-options.gain_db, options.gain_db), rng) for player in players]
        if others:
            count = number_of_others(options.others, len(players), rng)
            parts += [pool_of_others.draw(OTHERS_DB, rng) for _ in range(count)]
        for order, (name, row, gain_db) in enumerate(parts):
            column = labels[name] if name != OTHER else number + order - len(players)
            if name != OTHER:
                targets[mixture, column] = 1
            rows[mixture, column], gains_db[mixture, column] = row, gain_db
    classes = [*range(number), *[number] * MAX_OTHERS]
    return EpochSample(rows, gains_db, targets, np.array(classes))


def sample_fixed(targets: np.ndarray, rng: np.random.Generator) -> EpochSample:
    """Use every fixed mixture once, in a random order.

    Args:
        targets: Targets of the mixtures, float `[mixtures, instruments]`.
        rng: Random generator.

    Raises:
        ParamsError: There are no fixed mixtures, because the data set has labelled music only.
    """
    if not len(targets):
        raise ParamsError("params.yaml: mixtures.fresh: 0 trains on fixed mixtures only, but there are none; raise it")
    order = rng.permutation(len(targets))
    return EpochSample(order[:, None], np.zeros((len(order), 1)), targets[order])
