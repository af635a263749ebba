"""Evaluate the timelines of trained models: `python benchmarks/timelines.py [--split SPLIT] MODELS ...`.

It prints the metrics of `metrics/timeline.json` on synthetic songs. Run `dvc repro` before: the songs are arranged from
windows of its test split, or of another SPLIT. With `--recordings FOLDER`, they are arranged from recordings of people
instead. The folder has a labels.csv, see `data.source: recordings`. Leave out recordings that the models were trained
on: they make the figures too good.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

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


def main(models: list[Path], split: str, recordings: Path | None) -> None:
    """Print the metrics of each folder of models as JSON."""
    params = load_params()
    with TemporaryDirectory() as folder:
        if recordings:
            windows, pack = windows_of_recordings(recordings.absolute(), Path(folder), params)
        else:
            windows, pack = read_table(CLIPS / "index.csv", Window), open_array(CLIPS / PACK)
        songs = pieces_by_song(
            arrange(
                windows,
                "test" if recordings else split,
                SongOptions(
                    params.instruments,
                    params.timeline.songs,
                    params.timeline.seconds,
                    params.audio.window,
                    params.mixtures,
                    params.data.seed,
                ),
            )
        )
        events = [event for song in songs for event in ground_truth(song, pack, params.audio.sample_rate)]
        for folder_of_models in models:
            predicted = predict_songs(songs, events, pack, folder_of_models, params.timeline.seconds)
            metrics = {str(folder_of_models): timeline_metrics(predicted, params.instruments)}
            print(json.dumps(metrics, indent=2), flush=True)


def windows_of_recordings(recordings: Path, folder: Path, params: Params) -> tuple[list[Window], np.ndarray]:
    """Decode recordings to `folder`; return their windows, all as if they were in the test split, and the pack."""
    with fresh_folder(folder / "raw") as raw:
        copy_recordings(Recordings(folder=str(recordings), weight=1), params.instruments, raw)
    splits = Splits(by="file", validation=0.001, keep_test_groups=True)
    prepare_dataset(folder / "raw", folder, params.instruments, params.audio, splits, seed=0, compute=Compute())
    windows = [replace(row, split="test") for row in read_table(folder / "index.csv", Window)]
    return windows, open_array(folder / PACK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODELS")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--recordings", type=Path)
    arguments = parser.parse_args()
    with one_line_errors("timelines"):
        main(arguments.models, arguments.split, arguments.recordings)
