"""Find the songs that the user names: files, folders, patterns and standard input."""

import errno
import fnmatch
import glob
import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from timbre.audio.decode import STANDARD_INPUT
from timbre.core.errors import DataError
from timbre.core.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES

ANY_DEPTH = "**"  # part of a pattern that matches folders at any depth
HIDDEN_PREFIX = "."  # also of `._a.mp3`, which macOS adds to `a.mp3` on disks of other systems
NOT_A_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

_is_folder = os.path.isdir  # Path.is_dir raises where a parent folder is not accessible


@dataclass(frozen=True)
class SongFile:
    """One song to predict.

    Attributes:
        name: The path as it is shown: as typed, or as found below a folder or by a pattern; `-` for standard input.
        inside: The path below the folder that the user named. Outputs are named after it.
        problem: Why there is nothing to read; empty if there is a file.
    """

    name: str
    inside: str
    problem: str = ""


def find(argument: str) -> list[SongFile]:
    """Return the songs that one argument names: a file, a folder, a pattern or `-` for standard input.

    A folder is searched with all its subfolders, in sorted order, for files with an audio or video suffix. Linked
    folders are searched too, but no folder twice. Folders and patterns skip hidden files, and pipes, which could block.
    Folders that cannot be read come last, each with its problem.
    """
    if argument == STANDARD_INPUT:
        return [SongFile(STANDARD_INPUT, "standard input")]
    if _is_folder(argument):
        return _songs_below(argument)
    if not os.path.lexists(argument) and glob.has_magic(argument):
        return _songs_matching(argument)
    return [_song_file(argument)]


def songs_of(folder: Path) -> list[SongFile]:
    """Return the songs in a folder and its subfolders.

    Raises:
        DataError: It is no folder, or has no songs.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; name the folder with the songs")
    songs = find(str(folder))
    if songs[0].problem:
        raise DataError(f"{folder}: {songs[0].problem}")
    return songs


def _song_file(path: str) -> SongFile:
    return SongFile(path, Path(path).name)


def _songs_below(folder: str) -> list[SongFile]:
    problems: dict[str, SongFile] = {}
    songs = [
        SongFile(str(Path(path)), str(Path(path).relative_to(folder)))
        for parent in _folders(folder, problems)
        for path in _paths(parent, "*", problems)
        if path.lower().endswith(AUDIO_SUFFIXES + VIDEO_SUFFIXES) and _is_file(path)
    ]
    songs.sort(key=lambda song: _files_first(Path(song.inside)))
    return [*songs, *problems.values()] or [SongFile(folder, folder, "has no audio files")]


def _songs_matching(pattern: str) -> list[SongFile]:
    problems: dict[str, SongFile] = {}
    songs: dict[tuple[str, str], SongFile] = {}
    for match in sorted(_expand(pattern, problems)):
        for song in _songs_below(match) if _is_folder(match or os.curdir) else [_song_file(match)]:
            if song.problem:
                problems[song.name] = song
            elif _is_file(song.name):
                parent, name = os.path.split(song.name)
                songs.setdefault((os.path.realpath(parent), name), song)
    return [*songs.values(), *problems.values()] or [SongFile(pattern, pattern, "matches no file")]


def _expand(pattern: str, problems: dict[str, SongFile]) -> list[str]:
    """Return the paths that match, as `glob.glob` does, but visit no folder twice for `**`, and collect problems."""
    above, part = os.path.split(pattern)
    folders = _expand(above, problems) if glob.has_magic(above) else [above]
    if part == ANY_DEPTH:
        return [folder for top in folders for folder in _folders(top, problems)]
    if glob.has_magic(part):
        return [path for folder in folders for path in _paths(folder, part, problems)]
    return [path for folder in folders if os.path.lexists(path := os.path.join(folder, part))]  # noqa: PTH118


def _folders(top: str, problems: dict[str, SongFile]) -> Iterator[str]:
    """Yield a folder and all visible folders below it, each once. Links are followed last, and never upwards."""
    seen = set(map(str, Path(os.path.realpath(top)).parents))
    waiting = deque([top])
    while waiting:
        folder = waiting.popleft()
        if (real_path := os.path.realpath(folder)) in seen:
            continue
        seen.add(real_path)
        yield folder
        for path in filter(_is_folder, _paths(folder, "*", problems)):
            if Path(path).is_symlink():
                waiting.append(path)
            else:
                waiting.appendleft(path)


def _paths(folder: str, pattern: str, problems: dict[str, SongFile]) -> list[str]:
    """Return the matching paths in a folder; hidden ones only if the pattern itself starts with a dot."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            names = sorted(entry.name for entry in entries)  # if two links lead to one folder, the first is followed
    except OSError as error:
        if error.errno not in NOT_A_FOLDER:
            problems[folder] = SongFile(folder, folder, f"cannot be searched ({error.strerror})")
        return []
    visible = (name for name in names if pattern.startswith(HIDDEN_PREFIX) or not name.startswith(HIDDEN_PREFIX))
    return [os.path.join(folder, name) for name in fnmatch.filter(visible, pattern)]  # noqa: PTH118


def _is_file(path: str) -> bool:
    """Return False for pipes, sockets and devices; True also if unknown, because reading will report the problem."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return True


def _files_first(path: Path) -> list[tuple[bool, str]]:
    """Return a sort key that puts the files of a folder before its subfolders."""
    return [*((True, folder) for folder in path.parts[:-1]), (False, path.name)]
