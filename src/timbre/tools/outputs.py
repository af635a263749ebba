"""Write the output files of a song: a picture, a label track, a table of regions, cue points, JAMS."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from timbre.core.files import fresh_file

if TYPE_CHECKING:
    from timbre.songs.find import SongFile
    from timbre.songs.song import Song


def output_paths(
    songs: Sequence["SongFile"], plot: Path | None, folders: Mapping[str, Path | None]
) -> list[list[Path]]:
    """Return the files to write for each song. They are named after the song; all are different.

    Their suffixes are different from those of audio files, so no song is overwritten.

    Args:
        songs: The songs.
        plot: A .png file, or a folder for one picture per song. None: no picture.
        folders: For each other suffix, the folder for these files, or None for no such file.
    """
    taken: set[Path] = set()

    def free_path(folder: Path, inside: str, suffix: str) -> Path:
        path, number = folder / f"{inside}{suffix}", 1
        while path in taken:
            number += 1
            path = folder / f"{inside} {number}{suffix}"
        taken.add(path)
        return path

    files: list[list[Path]] = [[] for _ in songs]
    for song, paths in zip(songs, files, strict=True):
        if plot:
            paths.append(plot if plot.suffix.lower() == ".png" else free_path(plot, song.inside, ".png"))
        paths += [free_path(folder, song.inside, suffix) for suffix, folder in folders.items() if folder]
    return files


def write_output(song: "Song", path: Path) -> None:
    """Write one output file, in the format of its suffix. If that fails, no partial file remains.

    Raises:
        AudioError: The file is for cue points, and the song is not a WAV file.
        OSError: The file cannot be written.
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
