"""What the package's extras bring, and a small install lacks."""

from importlib.util import find_spec

from timbre.core.errors import DataError


def install(extra: str) -> str:
    """The way to an extra, for the end of a line."""
    return f"pip install -e '.[{extra}]' in a clone of Timbre"


def needs(what: str, extra: str, *packages: str) -> None:
    """Refuse what wants packages of an extra where one is missing.

    Raises:
        DataError: one is.
    """
    if missing := [package for package in packages if not find_spec(package)]:
        raise DataError(f"{what} needs {' and '.join(missing)}, not installed; {install(extra)}")
