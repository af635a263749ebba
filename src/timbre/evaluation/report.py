"""Write the metrics of the evaluation as JSON, and the predictions as CSV."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from timbre.core.files import fresh_file
from timbre.core.tables import DIGITS, Part, Window
from timbre.evaluation.bootstrap import interval, macro_f1, micro_f1
from timbre.evaluation.curves import LEVELS, f1_by_level, f1_by_number, levels_below_loudest
from timbre.evaluation.prediction_table import PredictionTable, csv_header, predictions_as_csv, read_predictions
from timbre.evaluation.predictions import Predictions


def write_metrics(
    folder: Path, predictions: Mapping[str, Mapping[str, Predictions]], mixtures: Sequence[Sequence[Part]]
) -> None:
    """Write single.json and layered.json with the metrics over all instruments, and details.json.

    details.json has the metrics by instrument, and the layered F1 on test by polyphony and by level.

    Args:
        folder: Folder to write to.
        predictions: See `timbre.evaluation.predictions.predict_splits`.
        mixtures: Parts of each mixture of test.
    """
    single, layered, others, music = (predictions[kind] for kind in ("single", "layered", "others", "music"))
    write_json(folder / "single.json", {split: found.headline for split, found in single.items()})
    none_plays = {split: {"claimed_where_none_plays": found.mean_predicted} for split, found in others.items()}
    report: dict[str, object] = {split: found.headline | none_plays.get(split, {}) for split, found in layered.items()}
    if music:
        report["music"] = {
            split: found.headline | {"claimed_where_absent": found.false_positive_rate}
            for split, found in music.items()
        }
    write_json(folder / "layered.json", report)
    details: dict[str, object] = {
        task: {split: found.by_instrument for split, found in by_split.items()}
        for task, by_split in (("single", single), ("layered", layered), ("music", music))
        if by_split
    }
    if layered:
        details["layered_test_micro_f1"] = _f1_by_condition(layered["test"], mixtures)
    write_json(folder / "details.json", details)


def _f1_by_condition(test: Predictions, mixtures: Sequence[Sequence[Part]]) -> dict[str, dict[str, float]]:
    """Return the micro F1 of mixtures by how many instruments play, and by level below the loudest."""
    by_number = f1_by_number(test.split.targets, test.present)
    by_level = f1_by_level(levels_below_loudest(mixtures, test.split.instruments), test.present)[:, -1]
    return {
        "by_instruments_playing": {str(number): round(f1, DIGITS) for number, f1 in by_number.items()},
        "by_db_below_loudest": {
            f"from {level:g}": round(float(f1), DIGITS) for level, f1 in zip(LEVELS, by_level, strict=True) if f1 == f1
        },
    }


def write_prediction_tables(
    folder: Path, tested: Mapping[str, Predictions], windows: Sequence[Window], mixtures: Sequence[Sequence[Part]]
) -> dict[str, PredictionTable]:
    """Write the predictions of each test clip as `<task>_answers.csv`, for `timbre compare`, and return them.

    A mixture has the group of its first part. Its name lists files, gains and offsets of all its parts: the number
    alone would mean another mixture after the data change.
    """
    group_of = {window.file: window.group for window in windows}
    tables = {}
    if "single" not in tested:
        header = csv_header(tested["layered"].split.instruments)
        (folder / "single_answers.csv").write_text(header, encoding="utf-8", newline="\n")
    for task, predictions in tested.items():
        if task == "layered" and mixtures:
            clips = [f"{number}: {_mixture_name(parts)}" for number, parts in enumerate(mixtures)]
            groups = [group_of[parts[0].file] for parts in mixtures]
        else:
            clips = predictions.split.names
            groups = [group_of[file] for file in clips]
        text = predictions_as_csv(predictions, clips, groups)
        (folder / f"{task}_answers.csv").write_text(text, encoding="utf-8", newline="\n")
        tables[task] = read_predictions(text, task)
    return tables


def _mixture_name(parts: Sequence[Part]) -> str:
    return "; ".join(f"{part.file} {part.gain_db:+g} dB {part.offset:g} s" for part in parts)


def write_intervals(path: Path, tables: Mapping[str, PredictionTable], seed: int) -> None:
    """Write the main F1 scores on test with their 95 % bootstrap intervals, resampled by group."""
    report: dict[str, dict[str, dict[str, float]]] = {task: {} for task in tables}
    for task, name, metric in (
        ("single", "macro_f1", macro_f1),
        ("layered", "micro_f1", micro_f1),
        ("layered", "macro_f1", macro_f1),
    ):
        if task in tables:
            table = tables[task]
            found = interval(metric(table.targets, table.present), table.groups, seed, task)
            report[task][name] = {bound: round(float(value), DIGITS) for bound, value in found._asdict().items()}
    write_json(path, report)


def in_short(tested: Mapping[str, Mapping[str, Any]], timeline: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the F1 scores on test in one line for the log.

    Args:
        tested: Metrics by task.
        timeline: See `timbre.evaluation.timelines.timeline_metrics`.
    """
    averages = {task: "macro" if task == "single" else "micro" for task in tested}
    f1 = [f"{task} {tested[task][f'{average}_f1']:.3f} ({average})" for task, average in averages.items()]
    if timeline:
        f1.append(f"timeline {timeline['all']['segment_f1']['0.5 s']:.3f} (segments of 0.5 s)")
    return f"test F1: {', '.join(f1)}"


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write plain values; the file appears complete or not at all."""
    with fresh_file(path) as file:
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
