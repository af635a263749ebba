"""Which instrument a class name of somebody's metadata means."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import is_partial, label_of, sides
from timbre.labels.general_midi import NAMES

_ALSO = {"drums": ("percussion",), OTHER: ("none", "negative", "background")}
_FILLERS = {"sound", "sounds"}
_LIKENESS = 0.8  # difflib's ratio: two letters swapped pass in most names, a viola is no violin


def _bare(name: str) -> str:
    """The letters and digits of a class name without the word sound: `Sound_Drum` becomes `drum`."""
    words = re.findall(r"[^\W_]+", name.casefold())
    return "".join(word for word in words if word not in _FILLERS).removeprefix("sound")


def _spellings(name: str) -> set[str]:
    """An instrument's name without what may differ: one and several of it, and what else it goes by."""
    one = _bare(name).removesuffix("s")
    return {one, f"{one}s", _bare(name), *_ALSO.get(name, ())}


_ELSEWHERE = {spelling for name in NAMES for spelling in _spellings(name)}


class ClassNames:
    """What class names mean, forgiving case, prefix, plural and one slip of the pen.

    Args:
        instruments: those that params.yaml lists; other is known as well.
    """

    def __init__(self, instruments: Sequence[str]) -> None:
        self.instruments, self.classes = instruments, (*instruments, OTHER)
        self._names: dict[str, str] = {}
        for name in self.classes:
            self._names |= dict.fromkeys(sorted(_spellings(name)), name)

    def match(self, name: str) -> str:
        """Return the instrument, or other, that a class name means; of labelled music, its instruments by such names.

        Kaggle's test metadata says `Sound_Guiatr` in all its guitar rows.

        Raises:
            DataError: no instrument, or more than one, is close enough.
        """
        if is_partial(name):
            meant = [{self.match(each) for each in side} for side in sides(name)]
            return label_of(*([each for each in self.instruments if each in side] for side in meant))
        if exact := self._names.get(_bare(name)):
            return exact
        if self.is_not_asked_for(name):
            return OTHER
        letters = re.sub(r"\d", "", _bare(name))
        close = {self._names[match] for match in get_close_matches(letters, self._names, n=3, cutoff=_LIKENESS)}
        if len(close) != 1:
            raise DataError(f"class {name!r} is none of {', '.join(self.classes)}")
        return close.pop()

    def find(self, name: str) -> str | None:
        """The instrument, or other, that a class name means, if it is spelt right; none for any other."""
        return self._names.get(_bare(name))

    def is_spelt_right(self, name: str) -> bool:
        """Whether a class name is an instrument's as it stands, prefix and plural aside, with no letter wrong."""
        return is_partial(name) or _bare(name) in self._names

    def is_known(self, name: str) -> bool:
        """Whether a class name is spelt right, and of an instrument that is asked for or that General MIDI has."""
        return self.is_spelt_right(name) or self.is_not_asked_for(name)

    def is_not_asked_for(self, name: str) -> bool:
        """Whether a class name is that of a known instrument which params.yaml does not list: other, then."""
        return _bare(name) in _ELSEWHERE and _bare(name) not in self._names
