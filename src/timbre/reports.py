"""What evaluation leaves behind: metrics as JSON, tables that DVC plots, and pictures."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np

from timbre.evaluation import Judged
from timbre.figures import data_overview, expected_against_predicted, mels_of_each_instrument, save
from timbre.instruments import INSTRUMENTS
from timbre.params import Audio, Mel
from timbre.running import fresh_file
from timbre.tables import SPLITS, Issue, Recording, count_faults, read_table


def write_metrics(path: Path, judged: dict[str, Judged]) -> None:
    """Write the figures of each split as nested JSON."""
    metrics = {split: answers.metrics for split, answers in judged.items()}
    _write_json(path, metrics)


def write_data_report(metrics: Path, picture: Path, clips: Path) -> None:
    """Count what data/clips holds, and each kind of fault that was found, as JSON; draw what it holds."""
    recordings = read_table(clips / "files.csv", Recording)
    kept = Counter((recording.split, recording.label) for recording in recordings)
    report = {
        "clips": {split: {label: kept[split, label] for label in INSTRUMENTS} for split in SPLITS},
        "faults": count_faults(read_table(clips / "issues.csv", Issue)),
    }
    _write_json(metrics, report)
    save(data_overview(recordings), picture)


def _write_json(path: Path, content: dict[str, object]) -> None:
    with fresh_file(path) as file:
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_plots(folder: Path, models: Path, single: Judged, layered: Judged, audio: Audio, mel: Mel) -> None:
    """Fill a folder with the trainings' histories, tables and pictures of the answers to the test split.

    Histories are copied so that a clone without DVC's cache can compare curves.
    """
    for task in ("single", "layered"):
        shutil.copyfile(models / f"{task}_history.csv", folder / f"{task}_history.csv")
    truth, answers = single.split.targets.argmax(axis=1), single.present.argmax(axis=1)
    pairs = [(INSTRUMENTS[actual], INSTRUMENTS[answer]) for actual, answer in zip(truth, answers, strict=True)]
    _write_csv(folder / "confusion.csv", ("actual", "predicted"), pairs)
    for task, judged in (("single", single), ("layered", layered)):
        metrics = judged.metrics
        scores = [(instrument, metrics[instrument]["f1"]) for instrument in INSTRUMENTS]
        _write_csv(folder / f"{task}_f1.csv", ("instrument", "f1"), scores)
        title = f"{task}: the test clips answered worst (bold and filled: plays)"
        save(expected_against_predicted(judged, audio, mel, title), folder / f"{task}_answers.png")
    first_window = np.unique(single.split.clips, return_index=True)[1]
    labels = [INSTRUMENTS[label] for label in truth]
    mels = mels_of_each_instrument(single.split.mels[first_window], labels, single.split.names, audio, mel)
    save(mels, folder / "mels.png")


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
