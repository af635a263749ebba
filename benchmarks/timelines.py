"""What trained models' timelines are worth on the songs of known truth in data/songs:
`python benchmarks/timelines.py MODELS ...`, after `dvc repro`. The metrics are those of `metrics/timeline.json`.
"""

import json
import sys
from pathlib import Path

from timbre.core.params import load_params
from timbre.core.stage import one_line_errors
from timbre.core.tables import Piece, Sounding, by_song, read_table
from timbre.evaluation.timelines import time_songs, timeline_metrics
from timbre.features.arrays import open_array

SONGS, PACK = Path("data/songs"), Path("data/clips/windows.npy")


def main(folders: list[Path]) -> None:
    """Print the metrics of each folder of models as JSON."""
    params = load_params()
    songs, truth = by_song(read_table(SONGS / "pieces.csv", Piece)), read_table(SONGS / "truth.csv", Sounding)
    for models in folders:
        timed = time_songs(songs, truth, open_array(PACK), models, params.timeline.seconds)
        print(json.dumps({str(models): timeline_metrics(timed, params.instruments)}, indent=2), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/timelines.py MODELS ...")
    with one_line_errors("timelines"):
        main([Path(folder) for folder in sys.argv[1:]])
