"""Train without some sources and evaluate on them: `python benchmarks/unseen_sources.py [--folds 5] [--music FOLDER]`.

Recordings of one source share a player, a room and a microphone. A model that knows the source promises too much for
other recordings. So choose between designs by this protocol, and not by a test set that is used again and again.

It divides the sources of the last `dvc repro` into folds. For each fold, it trains all models without the recordings of
the fold and without one sound font. The sources of the next fold are validation: they calibrate the probabilities and
choose the thresholds. Then it scores single recordings, mixtures and timelines of the fold's sources, and clips of the
sound font. `--music` also scores each fold's models on labelled music.

Options `-S key=value` change params. `--only N` trains only the first N folds. Results are printed, and written to the
file that `--write` names.
"""

import argparse
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from timelines import song_options

from timbre.benchmark.run import run_benchmark
from timbre.core.errors import DataError
from timbre.core.params import Params, load_params
from timbre.core.rng import generator
from timbre.core.stage import one_line_errors
from timbre.core.tables import FileInfo, Window, pieces_by_song, read_table, write_table
from timbre.core.yaml_file import with_changes
from timbre.dataset.prepare import PACK
from timbre.dataset.splits import position
from timbre.evaluation.timelines import predict_songs, timeline_metrics
from timbre.features.arrays import open_array
from timbre.features.synthetic_songs import arrange, ground_truth
from timbre.labels.labels_csv import LABELS
from timbre.sources.copy import OUTPUT

ROOT = Path(__file__).resolve().parents[1]
CLIPS = ROOT / "data" / "clips"
STAGES = ("extract_mels", "train_layered", "train_single", "train_timeline")
FONT_SUFFIX = ".sf2"  # the source of a rendered clip is the name of its sound font
FONT_CLIPS = 300  # clips of the sound font that are scored

Scores = dict[str, float]


def folds_of(files: Sequence[FileInfo], count: int, seed: int) -> dict[str, int]:
    """Return the fold of each source of recordings, so that each fold has about as many clips of each instrument.

    Sources come in the order of the hashes of their names. Each goes to the fold with the fewest clips of the
    instrument that it has most clips of.
    """
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for file in files:
        if not file.source.endswith(FONT_SUFFIX):
            labels[file.source][file.label] += 1
    clips: dict[str, Counter[int]] = defaultdict(Counter)
    folds: dict[str, int] = {}
    for source in sorted(labels, key=lambda name: position(seed, name)):
        main = labels[source].most_common(1)[0][0]
        folds[source] = min(range(count), key=lambda fold: (clips[main][fold], fold))
        for label, number in labels[source].items():
            clips[label][folds[source]] += number
    return folds


def resplit(windows: Sequence[Window], source_of: dict[str, str], split_of: dict[str, str]) -> list[Window]:
    """Return the windows with the splits of their sources. Sources without one become train."""
    return [replace(window, split=split_of.get(source_of[window.file], "train")) for window in windows]


def train_fold(folder: Path, windows: Sequence[Window]) -> None:
    """Train the models in a folder with a params.yaml, on windows with changed splits.

    Raises:
        DataError: A stage failed. Its own message says why.
    """
    clips = folder / "data" / "clips"
    clips.mkdir(parents=True)
    (clips / PACK).symlink_to(CLIPS / PACK)
    write_table(clips / "index.csv", windows, Window)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    for stage in STAGES:
        if subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment).returncode:
            raise DataError(f"{stage} failed; its own message above says why")


def labelled_folder(folder: Path, files: Sequence[FileInfo]) -> Path:
    """Make a folder with links to some files of data/raw, and a labels.csv."""
    folder.mkdir()
    lines = ["path,label,group"]
    for number, file in enumerate(files):
        name = f"{number}{Path(file.file).suffix}"
        (folder / name).symlink_to(ROOT / OUTPUT / file.file)
        lines.append(f"{name},{file.label},{file.source}")
    (folder / LABELS).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return folder


def score_fold(folder: Path, files: Sequence[FileInfo], font: Sequence[FileInfo], music: Path | None) -> Scores:
    """Score the models of a fold on the recordings of its sources, on clips of the sound font and on labelled music."""
    models = folder / "models"
    scores: Scores = {}
    for name, own in (("sources", files), ("font", font)):
        if not own:
            continue
        found = run_benchmark(labelled_folder(folder / name, own), models)
        scores[f"{name}: single-label recall"] = float(found.scores["single_label_recall"].overall.value)
        scores[f"{name}: AUC"] = float(found.scores["auc"].overall.value)
        scores[f"{name}: AUC of mixtures"] = float(found.mixtures["auc"].overall.value)
        scores[f"{name}: micro F1 of mixtures"] = float(found.mixtures["micro_f1"].overall.value)
    if music:
        found = run_benchmark(music, models)
        scores["music: AUC"] = float(found.scores["auc"].overall.value)
        scores["music: micro F1"] = float(found.scores["micro_f1"].overall.value)
    return scores


def score_timelines(folder: Path, windows: Sequence[Window], params: Params) -> Scores:
    """Score the timelines of a fold on songs that are arranged from its sources."""
    pack = open_array(CLIPS / PACK)
    songs = pieces_by_song(arrange(windows, "test", song_options(params)))
    events = [event for song in songs for event in ground_truth(song, pack, params.audio.sample_rate)]
    predicted = predict_songs(songs, events, pack, folder / "models", params.timeline.seconds)
    found = timeline_metrics(predicted, params.instruments)["all"]
    return {
        "timelines: segment F1 at 0.5 s": found["segment_f1"]["0.5 s"],
        "timelines: event F1 at 1 s": found["event_f1"]["1 s"],
        "timelines: median boundary error in s": found["median_boundary_error"],
    }


def run_fold(number: int, count: int, values: dict[str, object], music: Path | None) -> Scores:
    """Train and score one fold.

    Args:
        number: Number of the fold, from 0.
        count: Number of folds.
        values: The values of params.yaml.
        music: Folder of labelled music to score the models on, if any.

    Raises:
        DataError: A stage failed, or the recordings have too few sources.
        ParamsError: The params cannot be used.
    """
    files = read_table(CLIPS / "files.csv", FileInfo)
    windows = read_table(CLIPS / "index.csv", Window)
    source_of = {file.file: file.source for file in files}
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "params.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8", newline="\n")
        params = load_params(path)
        split_of = splits_of_sources(folds_of(files, count, params.data.seed), number, count)
        fonts = sorted({file.source for file in files if file.source.endswith(FONT_SUFFIX)})
        font = fonts[number % len(fonts)] if fonts else ""
        train_fold(folder, resplit(windows, source_of, {**split_of, font: "test"}))
        test = [file for file in files if split_of.get(file.source) == "test"]
        of_font = [file for file in files if font and file.source == font]
        drawn = generator(params.data.seed, "benchmark", "font", number).permutation(len(of_font))[:FONT_CLIPS]
        scores = score_fold(folder, test, [of_font[index] for index in sorted(drawn)], music)
        of_sources = [window for window in resplit(windows, source_of, split_of) if window.split == "test"]
        return scores | score_timelines(folder, of_sources, params)


def splits_of_sources(folds: dict[str, int], number: int, count: int) -> dict[str, str]:
    """Return test for the sources of a fold, and validation for those of the next one.

    Raises:
        DataError: There are fewer sources than folds.
    """
    if len(folds) < count:
        raise DataError(f"the recordings of data/clips have {len(folds)} sources; {count} folds need as many")
    splits = {(number + 1) % count: "validation", number: "test"}
    return {source: splits[fold] for source, fold in folds.items() if fold in splits}


def as_table(folds: Sequence[Scores]) -> str:
    """Return the scores of all folds and their means as a Markdown table."""
    lines = [
        f"| | mean | {' | '.join(f'fold {number}' for number in range(1, len(folds) + 1))} |",
        "|---" * (len(folds) + 2) + "|",
    ]
    for name in folds[0]:
        values = [scores[name] for scores in folds]
        lines.append(f"| {name} | {np.mean(values):.3f} | {' | '.join(f'{value:.3f}' for value in values)} |")
    return "\n".join(lines)


def changed(params: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return params with settings such as `mixtures.fresh=2000`.

    Raises:
        ParamsError: A key is unknown.
    """
    for setting in settings:
        key, _, value = setting.partition("=")
        change = yaml.safe_load(value)
        for part in reversed(key.split(".")):
            change = {part: change}
        params = with_changes(params, change)
    return params


def main() -> None:
    """Run the folds and print the scores after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--folds", type=int, default=5, metavar="N")
    parser.add_argument("--only", type=int, metavar="N")
    parser.add_argument("--music", type=Path, metavar="FOLDER")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("-S", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    with one_line_errors("unseen_sources"):
        params = changed(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")), options.settings)
        done: list[Scores] = []
        for number in range(options.only or options.folds):
            done.append(run_fold(number, options.folds, params, options.music))
            table = as_table(done)
            print(table, flush=True)
        if options.write:
            arguments = " ".join(f"-S {setting}" for setting in options.settings)
            head = f"Written by `python benchmarks/unseen_sources.py --folds {options.folds} {arguments}`.\n\n"
            options.write.write_text(head + table + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
