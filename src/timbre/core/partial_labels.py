"""Labels of clips, written as one word each.

A clip of a single instrument has that instrument's name; a clip in which none of the instruments plays is `other`.
Labelled music has a partial label such as `guitar;drums|violin`: guitar and drums are present, violin is absent, and
all other instruments are unknown.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np

from timbre.core.instruments import OTHER

BETWEEN, BAR = ";", "|"  # no instrument's name contains either
ALL_UNKNOWN = BAR
MUSIC = "music"  # the name of labelled music where clips are counted by class


class LabelKind(IntEnum):
    """The kinds of label, in the order in which a split of data/mels holds their clips."""

    SINGLE = 0
    OTHER = 1
    PARTIAL = 2


def label_kind(label: str) -> LabelKind:
    """Return the kind of a label.

    >>> label_kind("guitar").name, label_kind("other").name, label_kind("guitar|").name
    ('SINGLE', 'OTHER', 'PARTIAL')
    """
    if is_partial(label):
        return LabelKind.PARTIAL
    return LabelKind.OTHER if label == OTHER else LabelKind.SINGLE


def is_single(label: str) -> bool:
    """Return whether a label names a single instrument."""
    return label_kind(label) is LabelKind.SINGLE


def is_partial(label: str) -> bool:
    """Return whether a label is partial, as the labels of music are."""
    return BAR in label


def partial_label(present: Iterable[str], absent: Iterable[str]) -> str:
    """Return the partial label that says which instruments are present and which are absent.

    >>> partial_label(["guitar", "drums"], ["violin"])
    'guitar;drums|violin'
    """
    return f"{BETWEEN.join(present)}{BAR}{BETWEEN.join(absent)}"


def present_and_absent(label: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the present and the absent instruments of a partial label.

    >>> present_and_absent("guitar;drums|")
    (('guitar', 'drums'), ())
    """
    present, _, absent = label.partition(BAR)
    return tuple(filter(None, present.split(BETWEEN))), tuple(filter(None, absent.split(BETWEEN)))


def partial_targets(labels: Sequence[str], instruments: Sequence[str]) -> np.ndarray:
    """Return float32 targets `[clips, instruments]`: 1 where present, 0 where absent, NaN where unknown."""
    targets = np.full((len(labels), len(instruments)), np.nan, np.float32)
    for row, label in zip(targets, labels, strict=True):
        present, absent = present_and_absent(label) if is_partial(label) else ((label,), instruments)
        for value, names in ((0, absent), (1, present)):
            row[[instruments.index(name) for name in names if name in instruments]] = value
    return targets
