"""The names of instruments, which params.yaml and every model file list in label order."""

import unicodedata
from collections.abc import Iterable

OTHER = "other"  # the label of a clip in which none of the instruments plays
NUMBER = range(2, 65)
LONGEST = 40  # characters of a name
PUNCTUATION = " '&().-"
RESERVED = {
    *(OTHER, "music", "none", "all"),  # labels
    *("clip", "group", "plays", "heard", "file", "seconds", "present", "error", "instrument"),  # columns of tables
    *("and", "or", "not"),  # words of queries
}


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of instruments in Unicode's form NFC, if tables, queries and file names can contain them.

    Raises:
        ValueError: A name cannot be used or is listed twice, or there are too few or too many.
    """
    names = tuple(names)
    if len(names) not in NUMBER:
        raise ValueError(f"must list {NUMBER[0]} to {NUMBER[-1]} instruments, not {len(names)}")
    checked: dict[str, str] = {}
    for name in map(_check_name, names):
        if name.casefold() in checked:
            raise ValueError(f"{name!r} is listed twice; remove one")
        checked[name.casefold()] = name
    return tuple(checked.values())


def _check_name(name: object) -> str:
    """Return a name in form NFC. Letters may have combining marks, as in Hindi, Thai and Tamil.

    Raises:
        ValueError: The name cannot be used.
    """
    text = unicodedata.normalize("NFC", name) if isinstance(name, str) else ""
    kinds = ["L" if char == "_" else unicodedata.category(char)[0] for char in text]
    is_name = all(kind in "LMN" or char in PUNCTUATION for char, kind in zip(text, kinds, strict=True))
    if not is_name or not 0 < len(text) <= LONGEST or kinds[0] not in "LN" or text != text.strip():
        raise ValueError(f"{repr(name)[:60]}: must be a name of letters, digits, spaces and hyphens, {LONGEST} at most")
    if text.casefold() in RESERVED:
        raise ValueError(f"{name!r} has another meaning in tables or queries; choose another name")
    return text
