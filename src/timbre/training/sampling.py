"""What one epoch of training hears: which windows, at which levels, and what plays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from timbre.core.instruments import CLASSES, INSTRUMENTS, OTHER
from timbre.core.params import Mixtures
from timbre.core.tables import Window
from timbre.features.split import targets_of

MAX_OTHERS = 2  # in one mixture
OTHERS_DB = (-15.0, 3.0)  # level of each, where instruments are drawn from -gain_db to gain_db


@dataclass(frozen=True)
class EpochSample:
    """Rows of a mel pack to be added up, and what plays in each sum.

    Attributes:
        rows: int `[clips, parts]`, rows of the pack.
        gains_db: float `[clips, parts]`, level of each part; minus infinity where there is none.
        targets: float `[clips, 4]`, 1 where an instrument plays.
        classes: int `[parts]`, what the parts of each column are, counted as in `CLASSES`; none where not known.
    """

    rows: np.ndarray
    gains_db: np.ndarray
    targets: np.ndarray
    classes: np.ndarray | None = None


def rows_by_clip(windows: Sequence[Window]) -> list[tuple[str, list[int]]]:
    """The label and the rows of each clip, rows counted in the order of the split's own table."""
    clips: dict[str, tuple[str, list[int]]] = {}
    for row, window in enumerate(windows):
        clips.setdefault(window.file, (window.label, []))[1].append(row)
    return list(clips.values())


def sample_single(windows: Sequence[Window], repeats: int, rng: np.random.Generator) -> EpochSample:
    """Draw `repeats` windows of each clip, in a random order, so that long files count no more than short ones.

    Clips of other instruments are no example of any of the four, and are left out.
    """
    clips = [(label, rows) for label, rows in rows_by_clip(windows) if label != OTHER]
    order = rng.permutation(np.repeat(np.arange(len(clips)), repeats))
    rows = [rng.choice(clips[clip][1]) for clip in order]
    targets = targets_of([[clips[clip][0]] for clip in order])
    return EpochSample(np.array(rows)[:, None], np.zeros((len(rows), 1)), targets)


def sample_mixtures(windows: Sequence[Window], options: Mixtures, rng: np.random.Generator) -> EpochSample:
    """Draw `fresh` mixtures, of 1 instrument up to `train_instruments`.

    Where the data set has clips of other instruments, a share of the mixtures has one or two of these as well, and
    a share has nothing else.
    """
    clips = rows_by_clip(windows)
    of_class = [[rows for label, rows in clips if label == wanted] for wanted in CLASSES]
    has_others = bool(of_class[-1])
    rows = np.zeros((options.fresh, len(INSTRUMENTS) + MAX_OTHERS), int)
    gains_db = np.full(rows.shape, -np.inf)
    targets = np.zeros((options.fresh, len(INSTRUMENTS)), np.float32)

    def add(mixture: int, part: int, label: int, gain_db: float) -> None:
        clip = of_class[label][rng.integers(len(of_class[label]))]
        rows[mixture, part] = clip[rng.integers(len(clip))]
        gains_db[mixture, part] = gain_db

    for mixture in range(options.fresh):
        is_none = has_others and rng.random() < options.none
        size = 0 if is_none else rng.integers(1, options.train_instruments + 1)
        for label in rng.permutation(len(INSTRUMENTS))[:size]:
            add(mixture, label, label, rng.uniform(-options.gain_db, options.gain_db))
            targets[mixture, label] = 1
        if is_none or (has_others and rng.random() < options.others):
            for other in range(rng.integers(1, MAX_OTHERS + 1)):
                add(mixture, len(INSTRUMENTS) + other, len(INSTRUMENTS), rng.uniform(*OTHERS_DB))
    return EpochSample(rows, gains_db, targets, np.array([*range(len(INSTRUMENTS)), *[len(INSTRUMENTS)] * MAX_OTHERS]))


def sample_fixed(targets: np.ndarray, rng: np.random.Generator) -> EpochSample:
    """Draw every row of a pack of fixed mixtures once, in a random order."""
    order = rng.permutation(len(targets))
    return EpochSample(order[:, None], np.zeros((len(order), 1)), targets[order])
