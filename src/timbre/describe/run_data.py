"""Croissant metadata for the data that a run uses: the recordings of data/raw that prepare kept."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timbre.core.tables import FileInfo, read_table
from timbre.describe.croissant import Table, dataset

RECORDINGS = Table(
    "recordings",
    "clips/files.csv",
    "A recording that the audit kept. All recordings of a group are in one split.",
    {
        "file": ("Text", "The path below raw/."),
        "label": (
            "Text",
            "An instrument, other, or a partial label: in guitar|piano, guitar plays and piano does not.",
        ),
        "split": ("Text", "train, validation or test."),
        "group": ("Text", "What must stay in one split: a performance, a drum kit, a program."),
        "sample_rate": ("Integer", "The sample rate of the original, in Hz."),
        "channels": ("Integer", "The number of channels of the original."),
        "seconds": ("Float", "The length in seconds."),
        "level": ("Float", "The level of the loudest part, in dB of full scale."),
        "source": ("Text", "Where the recording comes from. Empty: not named."),
        "licence": ("Text", "The licence of the recording, in words. Empty: not named."),
    },
)
FILES = Table(
    "files",
    "raw/manifest.csv",
    "A file of raw/, as the stage download wrote it.",
    {
        "file": ("Text", "The path below raw/."),
        "bytes": ("Integer", "The size in bytes."),
        "sha256": ("Text", "The SHA-256 of the file, in hexadecimal digits."),
    },
)
COLLECTION = {
    "soundfont": "Timbre composed phrases and rendered them with General MIDI sound fonts.",
    "recordings": "Recordings of single instruments were copied from a folder with a labels.csv.",
    "folder": "Recordings were copied from a folder of the user.",
    "kaggle": "Recordings were downloaded from the data set on Kaggle that params.yaml names.",
}
KINDS = {"soundfont": "Software Collection", "kaggle": "Secondary Data Analysis"}  # names of Croissant's vocabulary


def run_metadata(data: Path, instruments: Sequence[str]) -> tuple[dict[str, Any], int]:
    """Return the metadata of the folder with `raw` and `clips`, and the number of recordings.

    Raises:
        DataError: The table of the recordings cannot be read.
    """
    files = read_table(data / RECORDINGS.file, FileInfo)
    sources = json.loads((data / "raw" / "source.json").read_text(encoding="utf-8"))["source"]
    about = {
        "name": "timbre-data",
        "description": (
            f"{len(files)} recordings of {', '.join(instruments)} and other instruments, with splits, as a run of "
            "Timbre's pipeline uses them. clips/windows.npy has the same sound as windows of one length and rate."
        ),
        "version": "1.0.0",
        "keywords": ["music", "instrument recognition", *instruments],
        "rai:dataCollection": " ".join(COLLECTION[source] for source in sources),
        "rai:dataCollectionType": sorted({KINDS.get(source, "Manual Human Curation") for source in sources}),
        "rai:dataPreprocessingProtocol": [
            "The audit drops unreadable, silent and contradictory files; clips/issues.csv lists them.",
            "Near-duplicates count as one group. A hash of the group's name chooses its split.",
        ],
        "rai:dataAnnotationProtocol": [
            "Labels are those of the sources. Labels of rendered phrases are exact. metrics/suspects.csv lists labels "
            "that a second classifier contradicts."
        ],
        "rai:dataUseCases": ["Training and testing of instrument recognition, for one instrument and for mixtures."],
        "rai:dataLimitations": [
            "Scores on test say little about other sound fonts, rooms, players and styles.",
            "Rendered phrases are simpler than performances of people.",
        ],
        "rai:dataBiases": ["Instruments and phrases are those of Western popular and classical music."],
        "rai:personalSensitiveInformation": ["None is known. Names in the columns source and licence are credits."],
        "rai:dataReleaseMaintenancePlan": "DVC keeps the versions of the data; dvc.lock names the version of a run.",
    }
    audio = [f"raw/{file.file}" for file in files]
    licences = {file.licence for file in files}
    return dataset(data, (RECORDINGS, FILES), licences, about, audio), len(files)
