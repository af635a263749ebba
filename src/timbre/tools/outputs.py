"""The files that are written of a song: a picture, a label track, a table of regions, cue points, JAMS."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from timbre.core.files import fresh_file

if TYPE_CHECKING:
    from timbre.songs.find import SongFile
    from timbre.songs.song import Song


def outputs_of(found: Sequence["SongFile"], plot: Path | None, folders: Mapping[str, Path | None]) -> list[list[Path]]:
    """The files to write of each song: named after it, none twice, and none that audio could have.

    Args:
        found: the songs.
        plot: a .png file, or a folder for one of each song.
        folders: for each further suffix, where such files go.
    """
    taken: set[Path] = set()

    def named(folder: Path, inside: str, suffix: str) -> Path:
        path, number = folder / f"{inside}{suffix}", 1
        while path in taken:
            number += 1
            path = folder / f"{inside} {number}{suffix}"
        taken.add(path)
        return path

    files: list[list[Path]] = [[] for _ in found]
    for song, paths in zip(found, files, strict=True):
        if plot:
            paths.append(plot if plot.suffix.lower() == ".png" else named(plot, song.inside, ".png"))
        paths += [named(folder, song.inside, suffix) for suffix, folder in folders.items() if folder]
    return files


def write_output(song: "Song", path: Path) -> None:
    """Write what a path's suffix says, whole or not at all.

    Raises:
        AudioError: cue points are for WAV files, and the song is none.
        OSError: it cannot be written.
    """
    from timbre.songs.song import as_png
    from timbre.songs.text import as_labels
    from timbre.tools.cues import write_cues
    from timbre.tools.jams_file import write_jams
    from timbre.tools.regions import as_regions

    with fresh_file(path) as partial:
        match path.suffixes[-2:]:
            case [".labels", ".txt"]:
                partial.write_text(as_labels(song), encoding="utf-8", newline="\n")
            case [".regions", ".csv"]:
                partial.write_text(as_regions(song.sections), encoding="utf-8", newline="\n")
            case [".cues", ".wav"]:
                write_cues(Path(song.name), partial, song.sections)
            case [*_, ".jams"]:
                write_jams(song, partial)
            case _:
                partial.write_bytes(as_png(song))
