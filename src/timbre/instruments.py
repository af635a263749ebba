"""The four instruments, in label order, and the names people give them."""

from difflib import get_close_matches

from timbre.errors import DataError

INSTRUMENTS = ("guitar", "drums", "violin", "piano")

_PREFIX = "sound"
_OTHER_NAMES = {
    "drum": "drums",
    "percussion": "drums",
    "guitars": "guitar",
    "violins": "violin",
    "pianos": "piano",
}


def match_instrument(name: str) -> str:
    """Return the instrument that a class name means, forgiving case, prefix, plural and one slip of the pen.

    Kaggle's test metadata says `Sound_Guiatr` in all its guitar rows.

    Raises:
        DataError: no instrument, or more than one, is close enough.
    """
    word = name.strip().lower().replace("-", "_").replace(" ", "_").removeprefix(_PREFIX).strip("_")
    known = {**{instrument: instrument for instrument in INSTRUMENTS}, **_OTHER_NAMES}
    close = {known[match] for match in get_close_matches(word, known, n=3, cutoff=0.75)}
    if len(close) != 1:
        raise DataError(f"class {name!r} is none of {', '.join(INSTRUMENTS)}")
    return close.pop()
