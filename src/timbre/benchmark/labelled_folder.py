"""Read any labelled folder: Kaggle's layout, a folder for each instrument, a labels.csv, or a public data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from timbre.core.errors import AudioError, DataError
from timbre.core.partial_labels import ALL_UNKNOWN, is_partial
from timbre.core.printable import printable
from timbre.core.stage import progress
from timbre.dataset.audit import audit
from timbre.dataset.groups import are_kaggles, group_of, own_group
from timbre.sources.folder import folder_files
from timbre.sources.layouts import KAGGLE, LABELLED, Dataset, find_layout
from timbre.sources.public import COLLECTIONS

Prediction = TypeVar("Prediction")


class LabelledRecording(NamedTuple):
    """A recording: its path below the folder, its label, and the group that intervals resample it with."""

    path: str
    label: str
    group: str


class LabelledFolder(NamedTuple):
    """The recordings of a folder.

    Attributes:
        title: What they are, in words.
        recordings: In the order of the labels.
        published: Published results on these recordings, in words, or empty.
    """

    title: str
    recordings: list[LabelledRecording]
    published: str = ""

    @property
    def is_single_label(self) -> bool:
        """Whether each recording has one instrument, or only other instruments."""
        return not any(is_partial(recording.label) for recording in self.recordings)


@dataclass(frozen=True)
class ScoredFolder:
    """What was scored: the recordings of a labelled folder, by some models.

    Attributes:
        title: What the recordings are, in words.
        models: Where the models come from, in words.
        instruments: Names of the instruments, in order.
        recordings: Number of scored recordings.
        groups: Number of their groups.
        unreadable: One line for each recording that cannot be read.
    """

    title: str
    models: str
    instruments: tuple[str, ...]
    recordings: int
    groups: int
    unreadable: list[str]

    def headline(self) -> list[str]:
        """Return what was scored, in one or two lines."""
        lines = [f"{self.recordings} recordings of {self.groups} sources ({self.title}), by the models {self.models}"]
        if self.unreadable:
            lines.append(f"{len(self.unreadable)} more cannot be read, such as {self.unreadable[0]}")
        return lines

    def described(self) -> dict[str, object]:
        """Return the same as values that JSON has."""
        return {
            "title": self.title,
            "models": self.models,
            "recordings": self.recordings,
            "sources": self.groups,
            "unreadable": self.unreadable,
        }


def read_labelled_folder(
    folder: Path, instruments: Sequence[str], data_set: str = "", by_subfolder: bool = True
) -> LabelledFolder:
    """Read the recordings of a folder and their labels. Of a public data set only the test split is read.

    Args:
        folder: The folder.
        instruments: Names of the instruments, in order.
        data_set: The public data set that it must be, a key of `COLLECTIONS`, or empty for any layout.
        by_subfolder: Whether the recordings of a subfolder are one group if a labels.csv names no groups.

    Raises:
        DataError: It is not a folder, not that data set, has no labels, or no recording with a label.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; name a folder with recordings and their labels")
    with folder_files(folder) as files:
        dataset = find_layout(files, folder, instruments)
    public = next((collection for collection in COLLECTIONS.values() if collection.title == dataset.layout), None)
    if data_set and public is not COLLECTIONS[data_set]:
        raise DataError(f"{folder}: not {COLLECTIONS[data_set].title}; leave out {data_set} to score this folder")
    if dataset.layout == KAGGLE:
        recordings = _audited(dataset, folder, instruments)
    else:
        by_subfolder = by_subfolder and dataset.layout == LABELLED
        recordings = [
            LabelledRecording(found.path, found.label, found.group or _own_group(found.path, by_subfolder))
            for found in dataset.recordings
            if found.split == "test" or not public
        ]
    recordings = [recording for recording in recordings if recording.label != ALL_UNKNOWN]
    title = f"the test split of {public.title}" if public else dataset.layout
    if not recordings:
        raise DataError(f"{folder}: {title} has no labels for {', '.join(instruments)}")
    return LabelledFolder(title, recordings, public.published if public else "")


def _own_group(path: str, by_subfolder: bool) -> str:
    """Return the group of a recording without one: its subfolder if there is one and it counts, else itself."""
    return (by_subfolder and path.rpartition("/")[0]) or path


def _audited(dataset: Dataset, folder: Path, instruments: Sequence[str]) -> list[LabelledRecording]:
    """Return the recordings of a data set in Kaggle's layout, with the faults of its metadata repaired."""
    path, name = next(iter(dataset.files.items()))
    home = path.removesuffix(name)
    clips, _ = audit(folder / home, instruments)
    name_group = group_of if are_kaggles(clip.file for clip in clips) else own_group
    return [LabelledRecording(home + clip.file, clip.label, clip.group or name_group(clip.file)) for clip in clips]


def predict_each(
    folder: Path, recordings: Sequence[LabelledRecording], predict: Callable[[LabelledRecording], Prediction]
) -> tuple[list[LabelledRecording], list[Prediction], list[str]]:
    """Predict recordings one after another.

    Args:
        folder: Their folder, for messages.
        recordings: The recordings.
        predict: Returns the prediction for a recording, or raises an AudioError if it cannot be read.

    Returns:
        The readable recordings, their predictions, and one line for each unreadable recording.

    Raises:
        DataError: No recording can be read.
    """
    readable, predictions, unreadable = [], [], []
    for recording in progress(recordings, "recordings", unit="file"):
        try:
            predictions.append(predict(recording))
            readable.append(recording)
        except AudioError as error:
            unreadable.append(printable(f"{recording.path}: {error}"))
    if not readable:
        raise DataError(f"{folder}: no recording can be read, such as {unreadable[0]}")
    return readable, predictions, unreadable
