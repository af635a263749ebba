"""Which of the models' instruments a command shows."""

import unicodedata
from collections.abc import Sequence

from timbre.core.errors import DataError
from timbre.songs.engine import Engine


def shown_instruments(engine: Engine, names: str | None, everything: bool) -> tuple[str, ...]:
    """Return the instruments to show, in label order.

    Args:
        engine: The models.
        names: Names that the user chose, joined by commas. None: no choice.
        everything: Whether to show little tested instruments although the user did not choose them.

    Raises:
        DataError: The models do not know a name.
    """
    if names is None:
        return tuple(name for name in engine.instruments if everything or name not in engine.little_tested)
    known = {_folded(name): name for name in engine.instruments}
    asked = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in asked if _folded(name) not in known] or ([] if asked else [""]):
        raise DataError(f"--instruments: {unknown[0]!r} is none of {', '.join(engine.instruments)}")
    chosen = {known[_folded(name)] for name in asked}
    return tuple(name for name in engine.instruments if name in chosen)


def optional_columns(engine: Engine, instruments: Sequence[str]) -> tuple[str, ...]:
    """Return which lists a table of these instruments has: unsure and little_tested, if the models say so."""
    columns = {"unsure": engine.sure, "little_tested": {*engine.little_tested} & {*instruments}}
    return tuple(column for column, values in columns.items() if values)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
