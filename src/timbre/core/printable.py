"""Names of files as text that any table, terminal and picture can show."""

import unicodedata

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # Unicode categories: controls, surrogates, line and paragraph separators


def printable(text: str) -> str:
    r"""Return the text with escapes for characters that cannot be printed; other text is unchanged.

    Escaped are controls, line ends, and the bytes of a name that is not UTF-8 (`\udcff`).

    >>> printable("two\nlines, é")
    'two\\nlines, é'
    """
    return "".join(ascii(char)[1:-1] if unicodedata.category(char) in UNPRINTABLE else char for char in text)
