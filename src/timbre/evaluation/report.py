"""What evaluation leaves behind: metrics as JSON, tables that DVC plots, and pictures."""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from timbre.core.files import fresh_file
from timbre.core.instruments import OTHER
from timbre.core.params import Audio, Mel
from timbre.core.partial_labels import MUSIC, is_partial
from timbre.core.tables import DIGITS, SPLITS, FileInfo, Issue, Part, Window, parts_by_mixture, read_table
from timbre.evaluation.bootstrap import interval, macro_f1, micro_f1
from timbre.evaluation.curves import (
    LEVELS,
    f1_by_level,
    f1_by_number,
    levels_below_loudest,
    precision_recall,
    reliability,
)
from timbre.evaluation.figures import (
    curves_figure,
    data_overview,
    expected_against_predicted,
    mels_of_each_instrument,
    save,
)
from timbre.evaluation.prediction_table import PredictionTable, csv_header, predictions_as_csv, read_predictions
from timbre.evaluation.predictions import Predictions
from timbre.evaluation.timelines import Timed, timeline_figure, timeline_metrics, worst_song


def write_metrics(
    folder: Path,
    single: dict[str, Predictions],
    layered: dict[str, Predictions],
    others: dict[str, Predictions],
    music: dict[str, Predictions],
    mixtures: Sequence[Sequence[Part]],
) -> None:
    """Write the headline metrics of each task and split as single.json and layered.json, and what lies behind them.

    The latter, details.json, has those of each instrument, and layered F1 on test by how many instruments play and by
    how far below the loudest each lies.

    Args:
        folder: where to.
        single, layered: answers by split; none where no clip is of one instrument alone.
        others: the layered model's answers to clips in which none of the instruments plays, of splits that have any.
        music: its answers to labelled music, likewise.
        mixtures: the parts of each test mixture.
    """
    claimed = {split: {"claimed_where_none_plays": predictions.mean_claims} for split, predictions in others.items()}
    write_json(folder / "single.json", {split: predictions.headline for split, predictions in single.items()})
    of_music = {
        split: predictions.headline | {"claimed_where_absent": predictions.claimed_where_absent}
        for split, predictions in music.items()
    }
    write_json(
        folder / "layered.json",
        {split: predictions.headline | claimed.get(split, {}) for split, predictions in layered.items()}
        | ({"music": of_music} if music else {}),
    )
    details: dict[str, object] = {
        task: {split: predictions.of_instruments for split, predictions in answers.items()}
        for task, answers in (("single", single), ("layered", layered), ("music", music))
        if answers
    }
    if layered:
        details["layered_test_micro_f1"] = _what_lies_behind(layered["test"], mixtures)
    write_json(folder / "details.json", details)


def _what_lies_behind(test: Predictions, mixtures: Sequence[Sequence[Part]]) -> dict[str, dict[str, float]]:
    """Micro F1 of mixtures by how many instruments play, and by how far below the loudest each lies."""
    by_level = f1_by_level(levels_below_loudest(mixtures, test.split.instruments), test.present)[:, -1]
    return {
        "by_instruments_playing": {
            str(number): round(f1, DIGITS) for number, f1 in f1_by_number(test.split.targets, test.present).items()
        },
        "by_db_below_loudest": {
            f"from {level:g}": round(float(f1), DIGITS) for level, f1 in zip(LEVELS, by_level, strict=True) if f1 == f1
        },
    }


def write_data_report(metrics: Path, picture: Path, clips: Path, source: Path, instruments: tuple[str, ...]) -> None:
    """Count what data/clips holds, and each kind of fault that was found, as JSON; draw what it holds.

    Where `source`, download's account, has credits for recordings, they go with it.
    """
    recordings = read_table(clips / "files.csv", FileInfo)
    recordings = [replace(one, label=MUSIC if is_partial(one.label) else one.label) for one in recordings]
    kept = Counter((recording.split, recording.label) for recording in recordings)
    classes = (*instruments, OTHER, *([MUSIC] if any(one.label == MUSIC for one in recordings) else []))
    report: dict[str, object] = {
        "clips": {split: {label: kept[split, label] for label in classes} for split in SPLITS},
        "faults": count_faults(read_table(clips / "issues.csv", Issue)),
    }
    if credits := json.loads(source.read_text(encoding="utf-8")).get("recordings", {}).get("credits"):
        report["credits"] = credits
    write_json(metrics, report)
    save(data_overview(recordings, instruments), picture)


def write_answers(
    folder: Path, tested: Mapping[str, Predictions], windows: Sequence[Window], parts: Sequence[Part]
) -> dict[str, PredictionTable]:
    """Write the answers to each test clip as `<task>_answers.csv`, for `timbre compare`, and return them.

    A mixture goes by the group of its first part, and by all of its parts' files, gains and offsets: its number
    would mean another mixture once the data change.
    """
    group_of = {window.file: window.group for window in windows}
    mixtures = parts_by_mixture(parts)
    names = ["; ".join(f"{part.file} {part.gain_db:+g} dB {part.offset:g} s" for part in of) for of in mixtures]
    of_mixtures = (
        [f"{number}: {name}" for number, name in enumerate(names)],
        [group_of[of[0].file] for of in mixtures],
    )
    answers = {}
    if "single" not in tested:
        (folder / "single_answers.csv").write_text(csv_header(tested["layered"]), encoding="utf-8", newline="\n")
    for task, predictions in tested.items():
        files = predictions.split.names
        is_mixed = task == "layered" and mixtures
        clips, groups = of_mixtures if is_mixed else (files, [group_of[file] for file in files])
        text = predictions_as_csv(predictions, clips, groups)
        (folder / f"{task}_answers.csv").write_text(text, encoding="utf-8", newline="\n")
        answers[task] = read_predictions(text, task)
    return answers


def write_timelines(
    metrics: Path, folder: Path, timed: Sequence[Timed], instruments: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Write the metrics of timelines, a table of segment F1 for plots, and the picture of the song that errs most.

    Returns:
        The metrics; empty where there are no songs.
    """
    found = timeline_metrics(timed, instruments) if timed else {}
    write_json(metrics, found)
    if timed:
        rows = [
            (name, float(key.split()[0]), value)
            for name, of_one in found.items()
            for key, value in of_one["segment_f1"].items()
        ]
        _write_csv(folder / "timeline.csv", ("instrument", "seconds", "segment_f1"), rows)
        save(timeline_figure(worst_song(timed, instruments), instruments), folder / "timeline.png")
    return found


def write_intervals(path: Path, answers: dict[str, PredictionTable], seed: int) -> None:
    """Write each headline F1 on test with its 95 % bootstrap interval, resampled by group."""
    report: dict[str, dict[str, dict[str, float]]] = {task: {} for task in answers}
    for task, name, metric in (
        ("single", "macro_f1", macro_f1),
        ("layered", "micro_f1", micro_f1),
        ("layered", "macro_f1", macro_f1),
    ):
        if task not in answers:
            continue
        found = interval(metric(answers[task].truth, answers[task].present), answers[task].groups, seed, task)
        report[task][name] = {bound: round(float(value), DIGITS) for bound, value in found._asdict().items()}
    write_json(path, report)


def in_short(tested: Mapping[str, Mapping[str, Any]], timelines: Mapping[str, Mapping[str, Any]]) -> str:
    """The F1 of each task on test, for a line of the log.

    Args:
        tested: metrics of each task.
        timelines: what `write_timelines` gives.
    """
    names = {kind: "macro" if kind == "single" else "micro" for kind in tested}
    f1 = [f"{kind} {tested[kind][f'{name}_f1']:.3f} ({name})" for kind, name in names.items()]
    if timelines:
        f1.append(f"timelines {timelines['all']['segment_f1']['0.5 s']:.3f} (segments of 0.5 s)")
    return f"test F1: {', '.join(f1)}"


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write plain values, whole or not at all."""
    with fresh_file(path) as file:
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_plots(
    folder: Path,
    models: Path,
    tested: Mapping[str, Predictions],
    mixtures: Sequence[Sequence[Part]],
    audio: Audio,
    mel: Mel,
) -> None:
    """Fill a folder with the trainings' histories, tables and pictures of the answers to the test split.

    Histories are copied so that a clone without DVC's cache can compare curves.
    """
    for history in models.glob("*_history.csv"):
        shutil.copyfile(history, folder / history.name)
    layered = tested["layered"]
    instruments = layered.split.instruments
    if single := tested.get("single"):
        truth, answers = single.split.targets.argmax(axis=1), single.present.argmax(axis=1)
        pairs = [(instruments[actual], instruments[answer]) for actual, answer in zip(truth, answers, strict=True)]
        _write_csv(folder / "confusion.csv", ("actual", "predicted"), pairs)
    for task, predictions in tested.items():
        scores = [(instrument, metrics["f1"]) for instrument, metrics in predictions.of_instruments.items()]
        _write_csv(folder / f"{task}_f1.csv", ("instrument", "f1"), scores)
        title = f"{task}: the test clips answered worst (bold and filled: plays)"
        save(expected_against_predicted(predictions, audio, mel, title), folder / f"{task}_answers.png")
    _write_curves(folder, tested, mixtures)
    save(mels_of_each_instrument((single or layered).split, audio, mel), folder / "mels.png")


def _write_curves(folder: Path, tested: Mapping[str, Predictions], mixtures: Sequence[Sequence[Part]]) -> None:
    """Tables and one picture of precision against recall, F1 against level, and probability against share."""
    layered = tested["layered"]
    targets, instruments = layered.split.targets, layered.split.instruments
    curves = {
        instrument: precision_recall(targets[:, label], layered.probabilities[:, label])
        for label, instrument in enumerate(instruments)
    }
    points = [(name, *np.round(point, DIGITS)) for name, curve in curves.items() for point in curve]
    _write_csv(folder / "precision_recall.csv", ("instrument", "recall", "precision", "threshold"), points)
    levels = levels_below_loudest(mixtures, instruments) if mixtures else np.full(targets.shape, np.nan)
    by_level = f1_by_level(levels, layered.present)
    rows = [
        (name, level, round(float(f1), DIGITS))
        for name, values in zip((*instruments, "all"), by_level.T, strict=True)
        for level, f1 in zip(LEVELS, values, strict=True)
        if f1 == f1
    ]
    _write_csv(folder / "layered_by_level.csv", ("instrument", "db_below_loudest", "f1"), rows)
    reliabilities = {
        task: reliability(predictions.probabilities, predictions.split.targets) for task, predictions in tested.items()
    }
    for task, table in reliabilities.items():
        _write_csv(
            folder / f"{task}_reliability.csv",
            ("probability", "share", "answers"),
            np.round(table, DIGITS).tolist(),
        )
    save(curves_figure(curves, layered, by_level, reliabilities), folder / "curves.png")


def _write_csv(path: Path, columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def count_faults(issues: Iterable[Issue]) -> dict[str, int]:
    """Count issues by kind, kinds in alphabetical order."""
    return dict(sorted(Counter(issue.kind for issue in issues).items()))
