"""What a model answered to test clips, as CSV, so that another revision can be compared with it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from timbre.core.errors import DataError
from timbre.core.instruments import check_names
from timbre.evaluation.metrics import answered_right
from timbre.evaluation.predictions import Predictions

UNKNOWN = "?"  # before a name in the column plays: whether it does is not known
COLUMNS = ("clip", "group", "plays", "heard")  # and one for each instrument


@dataclass(frozen=True)
class PredictionTable:
    """What one model answered to the clips of a split.

    Attributes:
        instruments: what the columns are.
        clips: what tells a clip from others in every revision: its file, or the parts of a mixture.
        groups: what they are drawn by in a bootstrap.
        truth: 1 where one plays, float `[clips, instruments]`, not a number where that is not known.
        present: bool `[clips, instruments]`, what was heard.
        probabilities: `[clips, instruments]`.
    """

    instruments: tuple[str, ...]
    clips: list[str]
    groups: list[str]
    truth: np.ndarray
    present: np.ndarray
    probabilities: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which clips are answered wholly right, bool `[clips]`."""
        return answered_right(self.truth, self.present)

    def take(self, rows: Sequence[int]) -> "PredictionTable":
        """Some of the clips, in the order of `rows`."""
        return PredictionTable(
            self.instruments,
            [self.clips[row] for row in rows],
            [self.groups[row] for row in rows],
            *(values[np.array(rows, int)] for values in (self.truth, self.present, self.probabilities)),
        )


def csv_header(predictions: Predictions) -> str:
    """The first line of such a table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([*COLUMNS, *predictions.split.instruments])
    return text.getvalue()


def predictions_as_csv(predictions: Predictions, clips: Sequence[str], groups: Sequence[str]) -> str:
    """The answers to a split as CSV, one line per clip; `clips` and `groups` as in `PredictionTable`."""
    text = io.StringIO()
    text.write(csv_header(predictions))
    writer = csv.writer(text, lineterminator="\n")
    instruments = predictions.split.instruments
    targets = predictions.split.targets
    for clip, group, plays, heard, values in zip(
        clips, groups, targets, predictions.present, predictions.probabilities, strict=True
    ):
        writer.writerow(
            [clip, group, _joined(plays, instruments), _joined(heard, instruments), *map("{:.4f}".format, values)]
        )
    return text.getvalue()


def read_predictions(text: str, origin: str) -> PredictionTable:
    """Read what `predictions_as_csv` made.

    Args:
        text: the table.
        origin: where it comes from, for the error.

    Raises:
        DataError: it is no such table, or names an unknown instrument or a clip twice.
    """
    table = csv.DictReader(io.StringIO(text))
    rows, header = list(table), tuple(table.fieldnames or ())
    try:
        if header[: len(COLUMNS)] != COLUMNS:
            raise ValueError(f"does not begin with the columns {', '.join(COLUMNS)}")
        names = check_names(header[len(COLUMNS) :])
        answers = PredictionTable(
            names,
            [row["clip"] for row in rows],
            [row["group"] for row in rows],
            np.array([_split(row["plays"], names) for row in rows]).reshape(-1, len(names)),
            np.array([_split(row["heard"], names) for row in rows]).reshape(-1, len(names)) == 1,
            np.array([[float(row[name]) for name in names] for row in rows]).reshape(-1, len(names)),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{origin}: not a table of answers ({error}); run dvc repro there") from error
    if len(set(answers.clips)) < len(answers.clips):
        raise DataError(f"{origin}: names a clip twice; run dvc repro there")
    return answers


def _joined(present: np.ndarray, instruments: Sequence[str]) -> str:
    """Names of those that play, and with a `?` of those that may or may not."""
    marked = zip(instruments, present.astype(float), strict=True)
    return "+".join(f"{UNKNOWN}{name}" if np.isnan(plays) else name for name, plays in marked if plays)


def _split(names: str, instruments: Sequence[str]) -> list[float]:
    listed = names.split("+") if names else []
    if strange := sorted({name.removeprefix(UNKNOWN) for name in listed} - set(instruments)):
        raise ValueError(f"{strange[0]!r} is no instrument")
    return [np.nan if f"{UNKNOWN}{name}" in listed else float(name in listed) for name in instruments]
