"""Optional packages, which an extra of the package installs."""

from importlib.util import find_spec

from timbre.core.errors import DataError


def install(extra: str) -> str:
    """Return the command that installs an extra, for the end of a message."""
    return f"pip install -e '.[{extra}]' in a clone of Timbre"


def needs(what: str, extra: str, *packages: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        what: The command or option that needs them, for the message.
        extra: The extra that installs them.
        packages: The names of the packages, as they are imported.

    Raises:
        DataError: A package is missing.
    """
    if missing := [package for package in packages if not find_spec(package)]:
        raise DataError(f"{what} needs {' and '.join(missing)}, not installed; {install(extra)}")
