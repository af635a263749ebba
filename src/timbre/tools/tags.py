"""Read and write the instruments of a song in the tag `INSTRUMENTS` of its file, with mutagen."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from timbre.core.errors import AudioError
from timbre.tools.wav_chunks import complete_sizes

KEY = "INSTRUMENTS"
MP4_KEY = f"----:com.apple.iTunes:{KEY}"
ID3_KEY = f"TXXX:{KEY}"
ID3V22, ID3V24 = (2, 2, 0), (2, 4, 0)
CACHED_NAME = re.compile(r"[0-9a-f]{30}|[A-Z0-9_]+-s\d+--.+")  # of a file in a cache of DVC or git-annex
SEPARATOR = "; "  # between instruments in ID3 before 2.4, where a frame has one text


def read_tags(path: Path) -> list[str]:
    """Return the instruments in the tag of a file; none if it has no such tag.

    Raises:
        AudioError: Files of this kind have no tags, or the file is damaged.
    """
    return _values(_open(path).tags)


def write_tags(path: Path, instruments: Sequence[str], backup: Path | None = None) -> None:
    """Write the instruments to the tag of a file, or change nothing. The audio stays the same, byte by byte.

    If the path is a link, the file it leads to is changed, and the link stays.

    Args:
        path: The file.
        instruments: The instruments.
        backup: If given, a line with the previous value is added to this file just before the tag is replaced.

    Raises:
        AudioError: See `read_tags`; or the file cannot be written, or is in a cache of DVC or git-annex.
        OSError: The backup cannot be written.
    """
    try:
        target = path.resolve(strict=True)
        if CACHED_NAME.fullmatch(target.name):
            raise AudioError("cannot be tagged: it links to a cache of DVC or git-annex; run dvc unprotect first")
        tagged = target.with_name(f".{target.stem}.tagged{target.suffix}")
        if tagged.exists():
            raise AudioError(f"cannot be tagged: an earlier run was interrupted; compare with {tagged}, then delete it")
        partial = target.with_name(f".{target.stem}.partial{target.suffix}")
        try:
            shutil.copy2(target, partial)
            with suppress(AudioError):  # not a WAV file
                complete_sizes(partial)
            before = _set_values(partial, instruments)
            with _remembered(backup, {"file": str(path), "before": before}):
                _replace(target, partial, tagged)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if backup and error.filename == str(backup):
            raise
        raise AudioError(f"cannot be tagged ({error.strerror or error})") from error


def _replace(target: Path, partial: Path, tagged: Path) -> None:
    """Replace a file by its tagged copy. A file with several names (hard links) is overwritten in place.

    While a file is overwritten, the whole copy is at the path `tagged`.
    """
    if target.stat().st_nlink == 1:
        partial.replace(target)
        return
    with target.open("r+b") as file:
        partial.rename(tagged)  # before it is opened: Windows renames no open file
        with tagged.open("rb") as source:
            shutil.copyfileobj(source, file)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    tagged.unlink()


@contextmanager
def _remembered(backup: Path | None, entry: dict[str, Any]) -> Iterator[None]:
    """Append a line to the backup; remove it again if the block fails."""
    if backup is None:
        yield
        return
    with backup.open("ab") as file:
        size = file.seek(0, os.SEEK_END)
        file.write(json.dumps(entry).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        try:
            yield
        except OSError:
            file.truncate(size)
            raise


def _values(tags: Any) -> list[str]:
    if _is_id3(tags):
        texts = [str(text) for frame in tags.getall(ID3_KEY) for text in frame.text]
        return [name for text in texts for name in text.split(SEPARATOR)] if _is_before_v24(tags) else texts
    values = tags.get(MP4_KEY if _is_mp4(tags) else KEY, [])
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _set_values(path: Path, instruments: Sequence[str]) -> list[str]:
    """Write the tag of a file in place and return its previous value."""
    file = _open(path)
    before = _values(file.tags)
    options: dict[str, Any] = {}
    if _is_id3(file.tags):
        options = _set_id3(file.tags, instruments)
    elif _is_mp4(file.tags):
        file.tags[MP4_KEY] = [name.encode() for name in instruments]
    else:
        file.tags[KEY] = list(instruments)
    try:
        file.save(**options)
    except Exception as error:  # mutagen raises many types for damaged files
        raise AudioError(f"cannot be tagged ({error})") from error
    return before


def _set_id3(tags: Any, instruments: Sequence[str]) -> dict[str, Any]:
    """Set the frame of an ID3 tag; return how to save the tag. ID3v2.3 stays 2.3; ID3v2.2 becomes 2.3."""
    from mutagen.id3 import TXXX

    tags.delall(ID3_KEY)
    is_old = _is_before_v24(tags)
    tags.add(TXXX(encoding=3, desc=KEY, text=[SEPARATOR.join(instruments)] if is_old else list(instruments)))
    if tags.version == ID3V22:
        tags.update_to_v23()
    return {"v2_version": 3, "v23_sep": None} if is_old else {}


def _is_id3(tags: Any) -> bool:
    return hasattr(tags, "getall")


def _is_mp4(tags: Any) -> bool:
    return type(tags).__name__ == "MP4Tags"


def _is_before_v24(tags: Any) -> bool:
    return ID3V22 <= tags.version < ID3V24


def _open(path: Path) -> Any:
    """Open a file, with empty tags if it has none.

    Raises:
        AudioError: Files of this kind have no tags, or the file is damaged.
    """
    import mutagen

    try:
        file = mutagen.File(path)
        if file is not None and _is_id3(file.tags):
            file = type(file)(path, translate=False)  # keep the frames of the tag's own version
    except Exception as error:  # mutagen raises many types for damaged files
        raise AudioError(f"cannot be tagged ({error})") from error
    try:
        if file.tags is None:
            file.add_tags()
    except (mutagen.MutagenError, NotImplementedError, AttributeError) as error:
        raise AudioError("cannot be tagged: timbre can write no tags to files of this kind") from error
    return file
