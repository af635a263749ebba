"""Names from strangers as text that any table, terminal and picture can show."""

import unicodedata

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # Unicode categories: controls, halves of characters, line and paragraph ends


def printable(text: str) -> str:
    r"""The text with what cannot be printed escaped: controls, line ends, bytes of a name that is not UTF-8 (`\udcff`).

    Text that can be printed comes back as it is.

    >>> printable("two\nlines, é")
    'two\\nlines, é'
    """
    return "".join(ascii(char)[1:-1] if unicodedata.category(char) in UNPRINTABLE else char for char in text)
