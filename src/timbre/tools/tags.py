"""The instruments of a song in the file's own tags, by mutagen: `INSTRUMENTS`, one value for each."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timbre.core.errors import AudioError

KEY = "INSTRUMENTS"
FREE = f"----:com.apple.iTunes:{KEY}"  # of MP4


def read_tags(path: Path) -> list[str]:
    """What the tag of a file says; nothing where it has none.

    Raises:
        AudioError: files of its kind cannot be tagged, or it is damaged.
    """
    tags = _opened(path).tags
    if tags is None:
        return []
    if hasattr(tags, "getall"):  # ID3
        return [str(text) for frame in tags.getall(f"TXXX:{KEY}") for text in frame.text]
    values = tags.get(FREE if _is_mp4(tags) else KEY, [])
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def write_tags(path: Path, names: Sequence[str]) -> None:
    """Set the tag of a file, whole or not at all; its sound stays the same, byte by byte.

    Raises:
        AudioError: as in `read_tags`, or it cannot be written; the text says why.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        shutil.copy2(path, partial)
        file = _opened(partial)
        if file.tags is None:
            file.add_tags()
        if hasattr(file.tags, "getall"):
            from mutagen.id3 import TXXX

            file.tags.delall(f"TXXX:{KEY}")
            file.tags.add(TXXX(encoding=3, desc=KEY, text=list(names)))
        elif _is_mp4(file.tags):
            file.tags[FREE] = [name.encode() for name in names]
        else:
            file.tags[KEY] = list(names)
        file.save()
        os.replace(partial, path)  # noqa: PTH105
    except OSError as error:
        raise AudioError(f"cannot be tagged ({error.strerror or error})") from error
    finally:
        partial.unlink(missing_ok=True)


def _is_mp4(tags: Any) -> bool:
    return type(tags).__name__ == "MP4Tags"


def _opened(path: Path) -> Any:
    import mutagen

    try:
        file = mutagen.File(path)
    except mutagen.MutagenError as error:
        raise AudioError(f"cannot be tagged ({error})") from error
    if file is None or not hasattr(file, "add_tags"):
        raise AudioError("cannot be tagged: no kind of file that holds tags")
    return file
