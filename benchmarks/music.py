"""How trained models do on real music: `python benchmarks/music.py FOLDER [MODELS ...]`.

FOLDER holds recordings and a labels.csv with the columns path, present and absent, names parted by `;`. An instrument
that stands in neither is unknown and not scored. What counts is what `timbre predict` says, at the thresholds of the
model file; intervals are resampled by the column group or source where there is one, else by the folder that a
recording lies in. Nothing of it is learnt from.
"""

import sys
from pathlib import Path

from timbre.benchmark import Music, as_table, predict_recordings
from timbre.core.errors import DataError
from timbre.core.partial_labels import partial_targets
from timbre.core.stage import one_line_errors
from timbre.labels.labels_csv import LABELS, read_labels_csv
from timbre.songs.predictor import Predictor


def read_music(folder: Path, instruments: tuple[str, ...]) -> Music:
    """Read the labels of a folder.

    Raises:
        DataError: there are none, a column or file is missing, or a name is no instrument's, or on both sides.
    """
    rows = read_labels_csv(folder / LABELS, instruments)
    for row in rows:
        if not (folder / row.path).is_file():
            raise DataError(f"{row.location}: {row.path} is not there")
    return Music(
        files=[folder / row.path for row in rows],
        sources=[row.group or row.source or str(Path(row.path).parent) for row in rows],
        targets=partial_targets([row.label for row in rows], instruments),
    )


def main(folder: Path, models: list[Path]) -> None:
    """Print one table per folder of models."""
    for each in models:
        predictor = Predictor(each)
        music, heard = predict_recordings(read_music(folder, predictor.instruments), predictor)
        print(f"\n{len(music.files)} recordings of {len(set(music.sources))} sources, heard by {each}\n")
        print(as_table(music, heard, predictor.instruments), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/music.py FOLDER [MODELS ...]")
    with one_line_errors("music"):
        main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]] or [Path("models")])
