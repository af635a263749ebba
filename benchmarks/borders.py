"""Count section boundaries at borders of windows: `python benchmarks/borders.py FOLDER [--models MODELS]`.

Songs are predicted in windows of a few seconds. If the timeline jumps between two windows, sections start and end there
more often than elsewhere. It prints, as JSON, how many boundaries there are within songs, how many are near a border of
windows, and how many would be near one by chance.
"""

import argparse
import json
from pathlib import Path

from timbre.core.errors import AudioError
from timbre.core.stage import one_line_errors, progress
from timbre.songs.find import find
from timbre.songs.predictor import Predictor
from timbre.songs.song import Song

COLLAR = 0.17  # seconds; a frame of the timeline has 0.16
EDGE = 0.15  # seconds; boundaries this near to the start or end of the song are not counted


def inner_boundaries(song: Song) -> list[float]:
    """Return starts and ends of sections that are not at the start or end of the song, in seconds."""
    times = [time for start, end, _ in song.sections for time in (start, end)]
    return [time for time in times if EDGE <= time <= song.seconds - EDGE]


def is_near_border(time: float, window: float) -> bool:
    """Return whether a time is within `COLLAR` of a multiple of the window's length; both in seconds."""
    return min(time % window, -time % window) <= COLLAR


def main(folder: Path, models: Path | None) -> None:
    """Print the counts for all songs of a folder."""
    predictor = Predictor(models)
    window = predictor.audio.window
    times: list[float] = []
    for file in progress(find(str(folder)), "songs", unit="song"):
        try:
            times += inner_boundaries(predictor.listen(file.name))
        except AudioError as error:
            print(f"{file.name}: {error}")
    near = sum(is_near_border(time, window) for time in times)
    by_chance = round(len(times) * 2 * COLLAR / window, 1)
    print(json.dumps({"boundaries": len(times), "near a border": near, "by chance": by_chance}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--models", type=Path)
    arguments = parser.parse_args()
    with one_line_errors("borders"):
        main(arguments.folder, arguments.models)
