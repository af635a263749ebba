"""What one epoch of training hears: which windows, at which levels, and what plays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from timbre.core.errors import ParamsError
from timbre.core.instruments import OTHER
from timbre.core.params import Mixtures
from timbre.core.partial_labels import is_alone, is_partial, partial_targets
from timbre.core.tables import Window
from timbre.features.mixtures import MAX_OTHERS, OTHERS_DB, has_solos, others_beside, who_plays

WHOLE = -1


@dataclass(frozen=True)
class EpochSample:
    """Rows of a mel pack to be added up, and what plays in each sum.

    Attributes:
        rows: int `[clips, parts]`, rows of the pack.
        gains_db: float `[clips, parts]`, level of each part; minus infinity where there is none.
        targets: float `[clips, instruments]`, 1 where an instrument plays.
        classes: int `[parts]`, labels of what is in each column, other being the last, or `WHOLE`: music whose parts
            nobody knows; none where there are no parts.
    """

    rows: np.ndarray
    gains_db: np.ndarray
    targets: np.ndarray
    classes: np.ndarray | None = None


class Candidate(NamedTuple):
    """A clip to draw from: its label, its rows, counted in the order of the split's own table, and its weight."""

    label: str
    rows: list[int]
    weight: int


def candidates(windows: Sequence[Window]) -> list[Candidate]:
    """The clips of a split."""
    clips: dict[str, Candidate] = {}
    for row, window in enumerate(windows):
        clips.setdefault(window.file, Candidate(window.label, [], window.weight)).rows.append(row)
    return list(clips.values())


def sample_single(
    windows: Sequence[Window], instruments: Sequence[str], repeats: float, rng: np.random.Generator
) -> EpochSample:
    """Draw `repeats` windows of each clip, times its weight, in a random order: long files count no more than short.

    Of 1.5 repeats, half of the clips are drawn twice. Clips of other instruments are no example of any instrument, and
    are left out.
    """
    clips = [clip for clip in candidates(windows) if is_alone(clip.label)]
    once = np.repeat(np.arange(len(clips)), [clip.weight for clip in clips])
    rest = rng.permutation(once)[: round(repeats % 1 * len(once))]
    order = rng.permutation(np.concatenate([np.repeat(once, int(repeats)), rest]))
    return _one_window_of_each([clips[clip] for clip in order], instruments, rng)


def sample_layered(
    windows: Sequence[Window], instruments: Sequence[str], options: Mixtures, music: float, rng: np.random.Generator
) -> EpochSample:
    """Draw mixtures of what plays alone, and labelled music, whichever there is: `fresh` in all.

    Where there is both, they come in a random order, and a share of `music` is music.
    """
    clips = [clip for clip in candidates(windows) if is_partial(clip.label)]
    if not clips:
        return sample_mixtures(windows, instruments, options, rng)
    number = round(music * options.fresh) if has_solos(windows) else options.fresh
    labelled = _sample_music(clips, instruments, number, rng)
    if number == options.fresh:
        return labelled
    options = options.model_copy(update={"fresh": options.fresh - number})
    return _together(sample_mixtures(windows, instruments, options, rng), labelled, rng)


def _sample_music(
    clips: Sequence[Candidate], instruments: Sequence[str], number: int, rng: np.random.Generator
) -> EpochSample:
    """Draw a number of windows, of one clip after another and then of all again, by their weights."""
    once = np.repeat(np.arange(len(clips)), [clip.weight for clip in clips])
    rounds = [rng.permutation(once) for _ in range(-(-number // len(once)))]
    order = np.concatenate([once[:0], *rounds])[:number]
    return replace(_one_window_of_each([clips[clip] for clip in order], instruments, rng), classes=np.array([WHOLE]))


def _one_window_of_each(
    clips: Sequence[Candidate], instruments: Sequence[str], rng: np.random.Generator
) -> EpochSample:
    """A window of each clip, as it is."""
    rows = np.array([rng.choice(clip.rows) for clip in clips], int)
    targets = partial_targets([clip.label for clip in clips], instruments)
    return EpochSample(rows[:, None], np.zeros((len(rows), 1)), targets)


def _together(mixtures: EpochSample, whole: EpochSample, rng: np.random.Generator) -> EpochSample:
    """Mixtures, and music in a column of its own, in a random order."""
    assert mixtures.classes is not None and whole.classes is not None
    (first, parts), (second, one) = mixtures.rows.shape, whole.rows.shape
    rows, gains_db = np.zeros((first + second, parts + one), int), np.full((first + second, parts + one), -np.inf)
    for table, (ours, theirs) in ((rows, (mixtures.rows, whole.rows)), (gains_db, (mixtures.gains_db, whole.gains_db))):
        table[:first, :parts], table[first:, parts:] = ours, theirs
    order = rng.permutation(first + second)
    targets = np.concatenate([mixtures.targets, whole.targets])
    classes = np.concatenate([mixtures.classes, whole.classes])
    return EpochSample(rows[order], gains_db[order], targets[order], classes)


def sample_mixtures(
    windows: Sequence[Window], instruments: Sequence[str], options: Mixtures, rng: np.random.Generator
) -> EpochSample:
    """Draw `fresh` mixtures like music's: who plays is drawn for each instrument by itself, and most have company.

    Where the data set has clips of other instruments, a share of the mixtures has one or some of these as well, and so
    has each in which none of the instruments plays; where it has none, one of these plays then.
    """
    clips = candidates(windows)
    of_class = [[clip for clip in clips if clip.label == wanted] for wanted in (*instruments, OTHER)]
    reach = [np.cumsum([clip.weight for clip in some]) for some in of_class]
    has_others = bool(of_class[-1])
    number = len(instruments)
    rows = np.zeros((options.fresh, number + MAX_OTHERS), int)
    gains_db = np.full(rows.shape, -np.inf)
    targets = np.zeros((options.fresh, number), np.float32)

    def add(mixture: int, part: int, label: int, gain_db: float) -> None:
        chosen = np.searchsorted(reach[label], rng.integers(reach[label][-1]), side="right")
        clip = of_class[label][chosen].rows
        rows[mixture, part] = clip[rng.integers(len(clip))]
        gains_db[mixture, part] = gain_db

    for mixture in range(options.fresh):
        players = who_plays(number, options.playing, options.train_instruments, has_others, rng)
        for label in players:
            add(mixture, label, label, rng.uniform(-options.gain_db, options.gain_db))
            targets[mixture, label] = 1
        if has_others:
            for other in range(others_beside(options.others, len(players), rng)):
                add(mixture, number + other, number, rng.uniform(*OTHERS_DB))
    classes = [*range(number), *[number] * MAX_OTHERS]
    return EpochSample(rows, gains_db, targets, np.array(classes))


def sample_fixed(targets: np.ndarray, rng: np.random.Generator) -> EpochSample:
    """Draw every row of a pack of fixed mixtures once, in a random order.

    Raises:
        ParamsError: there are none, as of labelled music alone.
    """
    if not len(targets):
        raise ParamsError("params.yaml: mixtures.fresh: 0 hears fixed mixtures alone, and there are none; raise it")
    order = rng.permutation(len(targets))
    return EpochSample(order[:, None], np.zeros((len(order), 1)), targets[order])
