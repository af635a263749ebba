"""Names of files as text that any table, terminal and picture can show."""

import unicodedata

# Unicode categories: controls, invisible formats (bidirectional controls, zero widths, tags), unassigned characters,
# surrogates, line and paragraph separators
UNPRINTABLE = ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp")
# Letters, marks and symbols that show nothing: fillers, joiners, variation selectors, the empty Braille cell
INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)


def printable(text: str) -> str:
    r"""Return the text with escapes for characters that cannot be printed or seen; other text is unchanged.

    Escaped are controls, line ends, invisible characters, and the bytes of a name that is not UTF-8 (`\udcff`).

    >>> printable("two\nlines, é")
    'two\\nlines, é'
    """
    return "".join(ascii(char)[1:-1] if _is_hidden(char) else char for char in text)


def _is_hidden(char: str) -> bool:
    return char in INVISIBLE or unicodedata.category(char) in UNPRINTABLE
