"""What is known of a clip, as tables keep it in one word.

A clip of one instrument alone has its name, one in which none of them plays is `other`. LabelRow music says what plays
and what does not, `guitar;drums|violin`: of what stands on neither side of the bar, nothing is known.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from timbre.core.instruments import OTHER

BETWEEN, BAR = ";", "|"  # no instrument's name holds either
ALL_UNKNOWN = BAR
MUSIC = "music"  # what labelled music is called where kinds of clips are counted


def label_of(present: Iterable[str], absent: Iterable[str]) -> str:
    """What plays in labelled music and what does not, as one word.

    >>> label_of(["guitar", "drums"], ["violin"])
    'guitar;drums|violin'
    """
    return f"{BETWEEN.join(present)}{BAR}{BETWEEN.join(absent)}"


def is_partial(label: str) -> bool:
    """Whether a clip is labelled music."""
    return BAR in label


def is_alone(label: str) -> bool:
    """Whether one instrument plays in a clip, and nothing else."""
    return label != OTHER and not is_partial(label)


def kind(label: str) -> int:
    """The place of a clip's kind in a pack of mels: one instrument alone, then other, then labelled music."""
    return 0 if is_alone(label) else 1 if label == OTHER else 2


def sides(label: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What plays in labelled music, and what does not.

    >>> sides("guitar;drums|")
    (('guitar', 'drums'), ())
    """
    present, _, absent = label.partition(BAR)
    return tuple(filter(None, present.split(BETWEEN))), tuple(filter(None, absent.split(BETWEEN)))


def partial_targets(labels: Sequence[str], instruments: Sequence[str]) -> np.ndarray:
    """1 where an instrument plays, 0 where not, not a number where that is unknown: float32 `[clips, instruments]`."""
    targets = np.full((len(labels), len(instruments)), np.nan, np.float32)
    for row, label in zip(targets, labels, strict=True):
        present, absent = sides(label) if is_partial(label) else ((label,), instruments)
        for value, names in ((0, absent), (1, present)):
            row[[instruments.index(name) for name in names if name in instruments]] = value
    return targets
