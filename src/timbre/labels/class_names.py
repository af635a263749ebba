"""Which instrument a class name in a table, or the name of a folder, means."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import is_partial, partial_label, present_and_absent
from timbre.labels.general_midi import NAMES

_ALSO = {"drums": ("percussion",), OTHER: ("none", "negative", "background")}
_FILLERS = {"sound", "sounds"}
_LIKENESS = 0.8  # difflib's ratio: most names with two letters swapped pass, viola for violin does not


@lru_cache(maxsize=1000)  # a table has many rows and few names
def _bare(name: str) -> str:
    """Return the letters, marks and digits of a class name without the word sound: `Sound_Drum` becomes `drum`."""
    letters = unicodedata.normalize("NFC", name.casefold())
    words = re.findall(r"\S+", "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in letters))
    return "".join(word for word in words if word not in _FILLERS).removeprefix("sound")


def _spellings(name: str) -> set[str]:
    """Return the bare spellings of an instrument: singular, plural, and its other names."""
    singular = _bare(name).removesuffix("s")
    return {singular, f"{singular}s", _bare(name), *_ALSO.get(name, ())}


_ELSEWHERE = {spelling for name in NAMES for spelling in _spellings(name)}


class ClassNames:
    """The class names that mean an instrument. Case, prefix, plural and Unicode normalisation make no difference.

    Args:
        instruments: The instruments of params.yaml. The class other is added.
    """

    def __init__(self, instruments: Sequence[str]) -> None:
        self.instruments, self.classes = instruments, (*instruments, OTHER)
        self._names: dict[str, str] = {}
        for name in self.classes:
            self._names |= dict.fromkeys(sorted(_spellings(name)), name)

    def match(self, name: str) -> str:
        """Return the instrument, or other, that a class name means, with one typing error allowed.

        Kaggle's test metadata says `Sound_Guiatr` in all its guitar rows. The names in a partial label are matched one
        by one.

        Raises:
            DataError: No instrument, or more than one, is close enough.
        """
        if is_partial(name):
            meant = [{self.match(each) for each in names} for names in present_and_absent(name)]
            return partial_label(*([each for each in self.instruments if each in names] for names in meant))
        close = set() if self.is_known(name) else self._close(name)
        return close.pop() if len(close) == 1 else self.match_exactly(name)

    def match_exactly(self, name: str) -> str:
        """Return the instrument, or other, that a class name means, with no typing error allowed.

        Raises:
            DataError: The name is neither an instrument of params.yaml nor one that General MIDI knows.
        """
        if meant := self.find(name) or (OTHER if self.is_not_asked_for(name) else None):
            return meant
        close = sorted(self._close(name))
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise DataError(f"class {name!r} is none of {', '.join(self.classes)}{hint}")

    def find(self, name: str) -> str | None:
        """Return the instrument, or other, that a correctly spelt class name means; None for any other name."""
        return self._names.get(_bare(name))

    def is_spelt_right(self, name: str) -> bool:
        """Return whether a class name is a correctly spelt instrument of params.yaml, or a partial label."""
        return is_partial(name) or _bare(name) in self._names

    def is_known(self, name: str) -> bool:
        """Return whether a class name is a correctly spelt instrument of params.yaml or of General MIDI."""
        return self.is_spelt_right(name) or self.is_not_asked_for(name)

    def is_not_asked_for(self, name: str) -> bool:
        """Return whether a class name is an instrument of General MIDI that params.yaml does not list."""
        return _bare(name) in _ELSEWHERE and _bare(name) not in self._names

    def _close(self, name: str) -> set[str]:
        """Return the classes with a spelling that is close to a name."""
        letters = re.sub(r"\d", "", _bare(name))
        return {self._names[match] for match in get_close_matches(letters, self._names, n=3, cutoff=_LIKENESS)}
