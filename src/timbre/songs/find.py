"""Songs that people ask for: files, folders, patterns and standard input."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from timbre.audio.decode import AUDIO_SUFFIXES, STANDARD_INPUT, VIDEO_SUFFIXES


@dataclass(frozen=True)
class Found:
    """One song of those asked for.

    Attributes:
        name: as it is shown: the path as it was typed, or as the folder or pattern led to it; `-`.
        inside: its path below the folder that was asked for, to name pictures and label tracks after.
        problem: why there is nothing to hear, if that is so.
    """

    name: str
    inside: str
    problem: str = ""


def find(argument: str) -> list[Found]:
    """What one argument stands for: a file, all audio of a folder, what a pattern matches, standard input.

    A folder is searched to its depths, in sorted order, for files named as audio or video and not hidden.
    """
    if argument == STANDARD_INPUT:
        return [Found(STANDARD_INPUT, "standard input")]
    if Path(argument).is_dir():
        return _inside(argument)
    if not os.path.lexists(argument) and glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if not matches:
            return [Found(argument, argument, "matches no file")]
        return [song for match in matches for song in (_inside(match) if Path(match).is_dir() else [_file(match)])]
    return [_file(argument)]


def _file(path: str) -> Found:
    return Found(path, Path(path).name)


def _inside(folder: str) -> list[Found]:
    songs = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(AUDIO_SUFFIXES + VIDEO_SUFFIXES) and not name.startswith("."):
                path = Path(parent, name)
                songs.append(Found(str(path), str(path.relative_to(folder))))
    return songs or [Found(folder, folder, "holds no audio files")]
