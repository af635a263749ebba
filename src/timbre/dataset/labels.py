"""Which instrument a class name of somebody's metadata means."""

import re
from difflib import get_close_matches

from timbre.core.errors import DataError
from timbre.core.instruments import CLASSES, OTHER

_NAMES = {
    **{name: name for name in CLASSES},
    "drum": "drums",
    "percussion": "drums",
    "guitars": "guitar",
    "violins": "violin",
    "pianos": "piano",
    "others": OTHER,
}
_FILLERS = {"sound", "sounds"}
_LIKENESS = 0.8  # difflib's ratio: two letters swapped pass in all four names, a viola is no violin


def match_instrument(name: str) -> str:
    """Return the one of `CLASSES` that a class name means, forgiving case, prefix, plural and one slip of the pen.

    Kaggle's test metadata says `Sound_Guiatr` in all its guitar rows.

    Raises:
        DataError: no instrument, or more than one, is close enough.
    """
    close = {_NAMES[match] for match in get_close_matches(_bare(name), _NAMES, n=3, cutoff=_LIKENESS)}
    if len(close) != 1:
        raise DataError(f"class {name!r} is none of {', '.join(CLASSES)}")
    return close.pop()


def is_instrument(name: str) -> bool:
    """Whether a class name is an instrument's as it stands, prefix and plural aside, with no letter wrong."""
    return _bare(name) in _NAMES


def _bare(name: str) -> str:
    """The letters of a class name without the word sound: `Sound_Drum` becomes `drum`."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    return "".join(word for word in words if word not in _FILLERS).removeprefix("sound")
