"""Compare models with public taggers on labelled music: `python benchmarks/peers.py FOLDER [--models MODELS ...]`.

`benchmarks/peers` has the scores of the taggers for each recording. The models default to the released weights. All
systems are scored alike, and the table is Markdown. Thresholds of a source are those with the highest F1 on all other
sources. "as shipped" uses the thresholds in the model files; the taggers have none.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import LeaveOneGroupOut

from timbre.benchmark.labelled_folder import read_labelled_folder
from timbre.benchmark.run import predict_recordings
from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.core.params import load_params
from timbre.core.partial_labels import partial_targets
from timbre.core.stage import one_line_errors
from timbre.evaluation.scoring import RecordingPredictions, cells_of, score
from timbre.songs.predictor import Predictor

PEERS = Path(__file__).with_name("peers")
INSTRUMENTS = load_params(Path(__file__).parents[1] / "params.yaml").instruments


def read_scores(table: Path, paths: Sequence[str]) -> np.ndarray:
    """Return the scores of a tagger for these recordings, `[recordings, instruments]`.

    Raises:
        DataError: The table has no row for one of them.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: [float(row[name]) for name in INSTRUMENTS] for row in csv.DictReader(file)}
    if missing := [path for path in paths if path not in rows]:
        raise DataError(f"{table}: no scores of {missing[0]}; name the folder that the tagger was run on")
    return np.array([rows[path] for path in paths])


def present_by_other_sources(targets: np.ndarray, scores: np.ndarray, sources: Sequence[str]) -> np.ndarray:
    """Return which instruments are predicted, bool, with thresholds of each source from all other sources.

    Args:
        targets: 1 for present, 0 for absent, NaN for unknown, `[recordings, instruments]`.
        scores: Higher where an instrument is more likely, same shape.
        sources: Source of each recording.
    """
    present = np.zeros(scores.shape, bool)
    for others, left_out in LeaveOneGroupOut().split(scores, groups=sources):
        pairs = zip(targets[others].T, scores[others].T, strict=True)
        present[left_out] = scores[left_out] >= [best_threshold(*pair) for pair in pairs]
    return present


def best_threshold(targets: np.ndarray, scores: np.ndarray) -> float:
    """Return the threshold with the highest F1, midway between two scores. Unknown targets are left out.

    Args:
        targets: Of one instrument, `[recordings]`.
        scores: Same shape.
    """
    known = ~np.isnan(targets)
    precision, recall, thresholds = precision_recall_curve(targets[known], scores[known])
    best = int(np.argmax(precision * recall / np.maximum(precision + recall, 1e-9)))
    return float(thresholds[max(best - 1, 0) : best + 1].mean())


def table_row(*cells: str) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def table_rows(folder: Path, models: Sequence[Path]) -> Iterator[str]:
    """Yield the rows of the table: one for each folder of models, and one for each tagger.

    Raises:
        DataError: A recording cannot be read or has no scores, or models lack one of the instruments.
    """
    labelled = read_labelled_folder(folder, INSTRUMENTS)
    targets = partial_targets([recording.label for recording in labelled.recordings], INSTRUMENTS)
    sources = [recording.group for recording in labelled.recordings]

    def row(system: str, scores: np.ndarray, shipped: np.ndarray | None = None) -> str:
        present = present_by_other_sources(targets, scores, sources)
        found = score(targets, RecordingPredictions(scores, present), sources)
        as_shipped = [""]
        if shipped is not None:
            as_shipped = cells_of(score(targets, RecordingPredictions(scores, shipped), sources)["micro_f1"])
        return table_row(system, *cells_of(found["auc"]), *cells_of(found["micro_f1"]), *as_shipped)

    for path in models:
        predictor = Predictor(path)
        if not {*INSTRUMENTS} <= {*predictor.instruments}:
            raise DataError(f"{path}: the taggers' scores are of {', '.join(INSTRUMENTS)}; name models of these")
        columns = [predictor.instruments.index(name) for name in INSTRUMENTS]
        _, predictions, unreadable = predict_recordings(folder, labelled, predictor)
        if unreadable:
            raise DataError(f"{folder}: {unreadable[0]}")
        yield row(
            f"Timbre, models {predictor.source}", predictions.probabilities[:, columns], predictions.present[:, columns]
        )
    for table in sorted(PEERS.glob("*.csv")):
        yield row(table.stem, read_scores(table, [recording.path for recording in labelled.recordings]))


def main(folder: Path, models: Sequence[Path]) -> None:
    """Print the table."""
    columns = ["system", "AUC", *INSTRUMENTS, "micro F1", "micro F1 as shipped"]
    print(f"{table_row(*columns)}\n{'|---' * len(columns)}|")
    for row in table_rows(folder, models):
        print(row, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--models", type=Path, nargs="+", default=[RELEASED])
    arguments = parser.parse_args()
    with one_line_errors("peers"):
        main(arguments.folder, arguments.models)
