"""Evaluate the timelines of trained models: `python benchmarks/timelines.py [MODELS ...]`. Default: models.

It prints the metrics of `metrics/timeline.json` on synthetic songs, as JSON. Run `dvc repro` before: the songs are
arranged from windows of its test split, or of another one (`--split SPLIT`).

`--recordings FOLDER` arranges the songs from recordings of people instead. The folder has a labels.csv, see
`data.source: recordings`. Leave out recordings that the models were trained on: they make the figures too good.

`--music FOLDER` joins two excerpts of labelled music instead. One instrument is present in the first excerpt and absent
from the second. The metrics are the fraction of the first excerpt in which the instrument is predicted (recall of
seconds), the same fraction of the second excerpt (false seconds), and how often a section of it ends near the junction.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from junctions import junction_metrics

from timbre.core.files import fresh_folder
from timbre.core.params import Compute, Params, Recordings, Splits, load_params
from timbre.core.stage import one_line_errors
from timbre.core.tables import SPLITS, Window, pieces_by_song, read_table
from timbre.dataset.prepare import PACK, prepare_dataset
from timbre.evaluation.timelines import predict_songs, timeline_metrics
from timbre.features.arrays import open_array
from timbre.features.synthetic_songs import SongOptions, arrange, ground_truth
from timbre.sources.recordings import copy_recordings

CLIPS = Path("data/clips")


def main(models: list[Path], split: str, recordings: Path | None, music: Path | None) -> None:
    """Print the metrics of each folder of models as JSON."""
    if music:
        for folder in models:
            show(folder, junction_metrics(music, folder))
        return
    params = load_params()
    with TemporaryDirectory() as temporary:
        if recordings:
            split = "test"
            windows, pack = windows_of_recordings(recordings.absolute(), Path(temporary), params)
        else:
            windows, pack = read_table(CLIPS / "index.csv", Window), open_array(CLIPS / PACK)
        songs = pieces_by_song(arrange(windows, split, song_options(params)))
        events = [event for song in songs for event in ground_truth(song, pack, params.audio.sample_rate)]
        for folder in models:
            predicted = predict_songs(songs, events, pack, folder, params.timeline.seconds)
            predicted = [each._replace(song=each.song.only(params.instruments)) for each in predicted]
            show(folder, timeline_metrics(predicted, params.instruments))


def show(models: Path, metrics: dict[str, dict[str, Any]]) -> None:
    """Print the metrics of a folder of models as JSON."""
    print(json.dumps({str(models): metrics}, indent=2), flush=True)


def song_options(params: Params) -> SongOptions:
    """Return the options of the songs that the pipeline evaluates timelines on."""
    return SongOptions(
        params.instruments,
        params.timeline.songs,
        params.timeline.seconds,
        params.audio.window,
        params.mixtures,
        params.data.seed,
    )


def windows_of_recordings(recordings: Path, folder: Path, params: Params) -> tuple[list[Window], np.ndarray]:
    """Decode recordings to `folder`; return their windows, all as if they were in the test split, and the pack."""
    with fresh_folder(folder / "raw") as raw:
        copy_recordings(Recordings(folder=str(recordings), weight=1), params.instruments, raw)
    splits = Splits(by="file", validation=0.001, keep_test_groups=True)
    prepare_dataset(folder / "raw", folder, params.instruments, params.audio, splits, seed=0, compute=Compute())
    windows = [replace(row, split="test") for row in read_table(folder / "index.csv", Window)]
    return windows, open_array(folder / PACK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("models", nargs="*", type=Path, default=[Path("models")], metavar="MODELS")
    songs = parser.add_mutually_exclusive_group()
    songs.add_argument("--split", choices=SPLITS, default="test")
    songs.add_argument("--recordings", type=Path, metavar="FOLDER")
    songs.add_argument("--music", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    with one_line_errors("timelines"):
        main(arguments.models, arguments.split, arguments.recordings, arguments.music)
