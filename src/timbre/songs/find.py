"""Songs that people ask for: files, folders, patterns and standard input."""

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
from timbre.core.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES

DEEP = "**"  # in a pattern: folders at any depth
HIDDEN = "."  # in front of a name; macOS puts a companion `._a.mp3` beside `a.mp3` on disks that are not its own
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

_is_folder = os.path.isdir  # Path.is_dir raises where a folder above is closed


@dataclass(frozen=True)
class SongFile:
    """One song of those asked for.

    Attributes:
        name: as it is shown: the path as it was typed, or as the folder or pattern led to it; `-`.
        inside: its path below the folder that was asked for, to name pictures and label tracks after.
        problem: why there is nothing to hear, if that is so.
    """

    name: str
    inside: str
    problem: str = ""


def find(argument: str) -> list[SongFile]:
    """What one argument stands for: a file, all audio of a folder, what a pattern matches, standard input.

    A folder is searched to its depths, in sorted order, for files named as audio or video. Linked folders are searched
    too, but none twice. Folders and patterns leave out what is hidden, and pipes, which would be waited for. Folders
    that cannot be searched come last, each with its problem.
    """
    if argument == STANDARD_INPUT:
        return [SongFile(STANDARD_INPUT, "standard input")]
    if _is_folder(argument):
        return _inside(argument)
    if not os.path.lexists(argument) and glob.has_magic(argument):
        return _matched(argument)
    return [_file(argument)]


def _file(path: str) -> SongFile:
    return SongFile(path, Path(path).name)


def _inside(folder: str) -> list[SongFile]:
    problems: dict[str, SongFile] = {}
    songs = [
        SongFile(str(Path(path)), str(Path(path).relative_to(folder)))
        for parent in _folders(folder, problems)
        for path in _paths(parent, "*", problems)
        if path.lower().endswith(AUDIO_SUFFIXES + VIDEO_SUFFIXES) and _is_file(path)
    ]
    songs.sort(key=lambda song: _files_first(Path(song.inside)))
    return [*songs, *problems.values()] or [SongFile(folder, folder, "holds no audio files")]


def _matched(pattern: str) -> list[SongFile]:
    problems: dict[str, SongFile] = {}
    songs: dict[tuple[str, str], SongFile] = {}
    for match in sorted(_expanded(pattern, problems)):
        for song in _inside(match) if _is_folder(match or os.curdir) else [_file(match)]:
            if song.problem:
                problems[song.name] = song
            elif _is_file(song.name):
                parent, name = os.path.split(song.name)
                songs.setdefault((os.path.realpath(parent), name), song)
    return [*songs.values(), *problems.values()] or [SongFile(pattern, pattern, "matches no file")]


def _expanded(pattern: str, problems: dict[str, SongFile]) -> list[str]:
    """What a pattern matches, as `glob.glob` has it; but `**` leads to no folder twice, and problems are noted."""
    above, part = os.path.split(pattern)
    folders = _expanded(above, problems) if glob.has_magic(above) else [above]
    if part == DEEP:
        return [folder for top in folders for folder in _folders(top, problems)]
    if glob.has_magic(part):
        return [path for folder in folders for path in _paths(folder, part, problems)]
    return [path for folder in folders if os.path.lexists(path := os.path.join(folder, part))]  # noqa: PTH118


def _folders(top: str, problems: dict[str, SongFile]) -> Iterator[str]:
    """A folder and those below it, hidden ones left out, each once: links follow last, and never back up."""
    seen = set(map(str, Path(os.path.realpath(top)).parents))
    waiting = deque([top])
    while waiting:
        folder = waiting.popleft()
        if (place := os.path.realpath(folder)) in seen:
            continue
        seen.add(place)
        yield folder
        for path in filter(_is_folder, _paths(folder, "*", problems)):
            if Path(path).is_symlink():
                waiting.append(path)
            else:
                waiting.appendleft(path)


def _paths(folder: str, pattern: str, problems: dict[str, SongFile]) -> list[str]:
    """What lies in a folder by names that match; hidden ones where the pattern itself starts so."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            names = sorted(entry.name for entry in entries)  # of two links to one folder, the first is followed
    except OSError as error:
        if error.errno not in NO_FOLDER:
            problems[folder] = SongFile(folder, folder, f"cannot be searched ({error.strerror})")
        return []
    shown = (name for name in names if pattern.startswith(HIDDEN) or not name.startswith(HIDDEN))
    return [os.path.join(folder, name) for name in fnmatch.filter(shown, pattern)]  # noqa: PTH118


def _is_file(path: str) -> bool:
    """Whether it is no pipe, socket or device; what cannot be looked at is left for reading to tell."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return True


def _files_first(path: Path) -> list[tuple[bool, str]]:
    """A key that puts the files of a folder before those of the folders in it."""
    return [*((True, folder) for folder in path.parts[:-1]), (False, path.name)]
