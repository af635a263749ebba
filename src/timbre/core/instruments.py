"""The names of instruments, which params.yaml lists and every model file keeps, in label order."""

import re
from collections.abc import Iterable

OTHER = "other"  # a clip in which none of them plays: layered training hears it under them, unnamed
NUMBER = range(2, 65)
NAME = re.compile(r"\w[\w '&().-]{0,39}")
TAKEN = {OTHER, "music", "none", "all"} | {  # and columns of tables
    *("clip", "group", "plays", "heard", "file", "seconds", "present", "error", "instrument")
}


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of instruments as a tuple, if they can stand in tables, queries and files' names.

    Raises:
        ValueError: one cannot, one stands there twice, or there are too few or too many.
    """
    names = tuple(names)
    if len(names) not in NUMBER:
        raise ValueError(f"must list {NUMBER[0]} to {NUMBER[-1]} instruments, not {len(names)}")
    for place, name in enumerate(names):
        if not isinstance(name, str) or not NAME.fullmatch(name) or name != name.strip():
            raise ValueError(f"{name!r}: must be a name of letters, digits, spaces and hyphens, 40 at most")
        if name.casefold() in TAKEN:
            raise ValueError(f"{name!r} means something else here; choose another name")
        if name.casefold() in (earlier.casefold() for earlier in names[:place]):
            raise ValueError(f"{name!r} stands there twice")
    return names
