"""What trained models' timelines are worth: `python benchmarks/timelines.py [--recordings FOLDER] MODELS ...`.

On the songs of known truth in data/songs, after `dvc repro`, with the metrics of `metrics/timeline.json`; or on songs
arranged likewise from recordings of people, a folder with a labels.csv as for `data.source: recordings`. What these
models have heard of it in training makes figures of such songs too good.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from timbre.core.files import fresh_folder
from timbre.core.params import Compute, Params, Recordings, Splits, load_params
from timbre.core.stage import one_line_errors
from timbre.core.tables import Piece, Sounding, Window, by_song, read_table
from timbre.dataset.prepare import PACK, prepare_dataset
from timbre.evaluation.timelines import time_songs, timeline_metrics
from timbre.features.arrange import arrange, truth_of
from timbre.features.arrays import open_array
from timbre.sources.recordings import copy_recordings

SONGS, CLIPS = Path("data/songs"), Path("data/clips/windows.npy")


def main(models: list[Path], recordings: Path | None) -> None:
    """Print the metrics of each folder of models as JSON."""
    params = load_params()
    if recordings is None:
        songs, truth = by_song(read_table(SONGS / "pieces.csv", Piece)), read_table(SONGS / "truth.csv", Sounding)
        show(models, params, songs, truth, open_array(CLIPS))
        return
    with TemporaryDirectory() as folder:
        windows, pack = of_recordings(recordings.absolute(), Path(folder), params)
        pieces = arrange(
            windows,
            params.instruments,
            "test",
            params.timeline.songs,
            params.audio.window,
            params.timeline,
            params.mixtures,
            seed=0,
        )
        songs = by_song(pieces)
        show(
            models,
            params,
            songs,
            [one for song in songs for one in truth_of(song, pack, params.audio.sample_rate)],
            pack,
        )


def show(
    models: list[Path],
    params: Params,
    songs: Sequence[Sequence[Piece]],
    truth: Sequence[Sounding],
    pack: np.ndarray,
) -> None:
    """Print what each folder of models makes of songs."""
    for folder in models:
        timed = time_songs(songs, truth, pack, folder, params.timeline.seconds)
        print(json.dumps({str(folder): timeline_metrics(timed, params.instruments)}, indent=2), flush=True)


def of_recordings(recordings: Path, folder: Path, params: Params) -> tuple[list[Window], np.ndarray]:
    """The windows of recordings, all of them as if of test, and their pack; `folder` takes what is decoded."""
    with fresh_folder(folder / "raw") as raw:
        copy_recordings(Recordings(folder=str(recordings), weight=1), params.instruments, raw)
    splits = Splits(by="file", validation=0.001, keep_test_groups=True)
    prepare_dataset(folder / "raw", folder, params.instruments, params.audio, splits, seed=0, compute=Compute())
    windows = [replace(row, split="test") for row in read_table(folder / "index.csv", Window)]
    return windows, open_array(folder / PACK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODELS")
    parser.add_argument("--recordings", type=Path)
    arguments = parser.parse_args()
    with one_line_errors("timelines"):
        main(arguments.models, arguments.recordings)
