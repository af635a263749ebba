"""Ablation: train without each ingredient and evaluate the models on unseen sound fonts and on real music.

    python scripts/ablate.py MUSIC FONT.sf2 ...

It queues one DVC experiment for each of `VARIANTS` and runs them all; `dvc exp show` lists them by these names. Then it
renders and augments clips by each FONT, evaluates all models on these clips and on the labelled recordings in the
folder MUSIC (as `timbre benchmark` reads it), and writes the results to benchmarks/ABLATION.md.

The fonts must be unseen. MuseScore_General_Full.sf2 is, from Debian's musescore-general-soundfont-lossless. FluidR3 is
not, because its pianos are in the training data. If sounds/recordings has recordings, one variant trains on them too.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from timbre.benchmark.run import run_benchmark
from timbre.core.params import load_params
from timbre.model.checkpoint import save_untrained

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "ABLATION.md"
EPOCHS, FRESH, JOBS = 4, 2400, 2
FULL = "the committed models, full length"
SHORTER: dict[str, object] = {"epochs": EPOCHS, "mixtures.fresh": FRESH, "compute.threads": 1}
NO_AUGMENTATION: dict[str, object] = {
    f"augment.{name}": 0 for name in ("shorten", "equaliser_db", "reverb", "compress", "noise", "low_pass", "mask")
}
CURVE = {  # mixtures per epoch
    "half-the-mixtures": FRESH // 2,
    "as-committed": FRESH,
    "twice-the-mixtures": 2 * FRESH,
}
RECORDINGS = ROOT / "sounds" / "recordings"
VARIANTS: dict[str, dict[str, object]] = {
    **{name: {"mixtures.fresh": fresh} for name, fresh in CURVE.items()},
    "without-transfer": {"transfer": 0},
    "without-mask-loss": {"mask_loss": 0},
    "without-frame-loss": {"frame_loss": 0},
    "without-other-instruments": {"mixtures.others": 0},
    "without-compression": {"augment.compress": 0},
    "without-calibration-for-music": {"calibration.mixtures": 0, "calibration.playing": 0.6},
    "without-augmentation": NO_AUGMENTATION,
}
if RECORDINGS.is_dir():
    VARIANTS["with-recordings"] = {
        "data.source": "[soundfont,recordings]",
        "data.recordings.folder": str(RECORDINGS),
    }
HEAD = """# Ablation

Written by `python scripts/ablate.py {arguments}`: {epochs} epochs of {fresh:,} mixtures, seed 0.

Each variant trains without one ingredient and is evaluated on two sets:

- **Unseen sound fonts**, augmented like recordings (`benchmarks/unseen_font.py`): for each font 400 clips of the four
  instruments, 150 mixtures of two to four of them, and 100 clips of other instruments. Values are means over the fonts.
- **Real music** (`timbre benchmark`). The thresholds are calibrated for music.

A difference of 0.02 or less is within the variation between seeds. These trainings are short, which favours whatever
makes the task easier. The costs of augmentation, other instruments and recordings are therefore upper bounds.

Version 0.1's ablation settled three questions on mixtures: its full recipe reached 0.868, with AdamW in place of Muon
0.841, with fixed mixtures 0.864, with one sound font 0.817.

Tried once at full length and rejected: phrases composed to fit together. Each song had one key, tempo and chord
sequence, and half of the mixtures took all their parts from one song, cut at the same time. On real music, the mean AUC
was 0.950 and 0.947 (seeds 0 and 1) with such mixtures, and 0.952 and 0.947 with random ones. Micro F1 was 0.811 and
0.813, and 0.802 and 0.817.

Tried at full length and adopted: the frame loss. With 50,000 mixtures of an earlier data set, seed 0, mean AUC on real
music rose from 0.951 to 0.962, micro F1 from 0.808 to 0.865, and segment F1 of timelines from 0.833 to 0.844. The
boundary error fell from 0.415 to 0.350 s. With a weight of 3 they were 0.955, 0.794, 0.829 and 0.353 s.

Tried and rejected with 583 recordings among the train clips and 50,000 mixtures, seed 0. All were scored on mixtures of
376 recordings of left-out sources, and on real music:

- Shifting the pitch of each part by up to two semitones, and limiting 15 % of the examples to the bands of a phone.
  Mean AUC fell from 0.814 to 0.792 on left-out sources, and from 0.965 to 0.934 on real music.
- Calibrating on 238 recordings of other left-out sources in place of rendered clips. Micro F1 rose from 0.482 to 0.526
  on left-out sources (ideal thresholds: 0.572), but fell from 0.767 to 0.627 on real music (0.889). Calibrating on both
  gave 0.496 and 0.749.
- Adding a second recording of the same source to half of the recorded parts, like a chord or a second note. Mean AUC
  fell from 0.811 to 0.803 on left-out sources, and from 0.968 to 0.959 on real music.
- Noise up to the level of the music instead of 12 dB below it, and limiting a tenth of the examples to the bands of a
  phone. Mean AUC fell from 0.811 to 0.796 on left-out sources, and from 0.968 to 0.959 on real music.
- Frequency-wise normalisation: half of the mean of each band over time is subtracted from the network's input. Mean AUC
  was 0.815 in place of 0.811 on left-out sources, but fell from 0.968 to 0.948 on real music.

Tried with the same data and steps, and adopted for the released weights: recordings count more often in training
(`data.recordings.weight`). The values are mean AUC, and micro F1 with the shipped thresholds:

| weight | share of recordings | mixtures of left-out sources | left-out recordings alone | real music |
|---|---|---|---|---|
| 2 | 0.15 | 0.811, 0.501 | 0.924, 0.559 | 0.968, 0.765 |
| 6 | 0.30 | 0.839, 0.557 | 0.952, 0.682 | 0.967, 0.792 |
| 8, and sources with few recordings count more | 0.37 | 0.832, 0.552 | 0.946, 0.690 | 0.964, 0.797 |
| 16 | 0.54 | 0.839, 0.579 | 0.958, 0.707 | 0.964, 0.807 |

The released weights use 8.

Tried with the same data and steps, and adopted for the released weights: eight more outputs, for instruments that would
otherwise be other ones (`mixtures.accompanying`). For the first four, mean AUC was 0.803 and 0.964 in place of 0.814
and 0.965, and 0.923 in place of 0.921 on the left-out recordings alone.

`python benchmarks/unseen_sources.py` is the protocol for such choices.

The columns are: mean recall on single clips, mean AUC on mixtures, false positives per clip in which none of the four
plays, and on real music mean AUC, micro F1 and false positive rate.

| variant | single: recall | mixtures: AUC | false positives | music: AUC | music: F1 | music: false positive rate |
|---|---|---|---|---|---|---|
"""
CURVE_HEAD = """
## More mixtures

| mixtures in training | mixtures: AUC | music: AUC |
|---|---|---|
"""


def run(*command: str) -> None:
    """Run a command in the root folder of the repository."""
    subprocess.run(command, cwd=ROOT, check=True)


def queue(name: str, changes: dict[str, object]) -> None:
    """Queue an experiment."""
    settings = [part for key, value in (SHORTER | changes).items() for part in ("-S", f"{key}={value}")]
    run("dvc", "exp", "run", "train_single", "--queue", "--name", name, *settings)


def models_of(name: str, folder: Path) -> Path:
    """Copy the models of an experiment from DVC's cache to a subfolder of `folder`; return the subfolder."""
    models = folder / name
    models.mkdir()
    for task in ("single", "layered"):
        run("dvc", "get", "--quiet", ".", f"models/{task}.safetensors", "--rev", name, "-o", str(models))
    save_untrained(models / "timeline.safetensors")  # timelines are not evaluated
    return models


def table_row(*cells: object) -> str:
    """Return one row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |\n"


def evaluate_on_font(clips: Path, models: Path) -> list[float]:
    """Return single-label recall, AUC of mixtures, and instruments predicted where none of them plays."""
    found = run_benchmark(clips, models)
    scores = found.scores["single_label_recall"], found.mixtures["auc"]
    return [*(float(each.overall.value) for each in scores), found.predicted_where_none_plays or 0.0]


def evaluate_on_music(folder: Path, models: Path) -> list[float]:
    """Return AUC, micro F1 and false positive rate on real music."""
    scores = run_benchmark(folder, models).scores
    return [float(scores[name].overall.value) for name in ("auc", "micro_f1", "false_positive_rate")]


def main(music: Path, fonts: list[Path]) -> None:
    """Train and evaluate all variants, and write the tables."""
    for name, changes in VARIANTS.items():
        queue(name, changes)
    run("dvc", "exp", "run", "--run-all", "--jobs", str(JOBS))
    with TemporaryDirectory() as name:
        folder = Path(name)
        clips_of_fonts = [folder / font.stem for font in fonts]
        for font, clips in zip(fonts, clips_of_fonts, strict=True):
            run(sys.executable, "benchmarks/unseen_font.py", str(font.absolute()), str(clips), "augmented")
        models = {FULL: ROOT / "models"} | {variant: models_of(variant, folder) for variant in VARIANTS}
        metrics = {
            variant: [
                *np.mean([evaluate_on_font(clips, path) for clips in clips_of_fonts], axis=0).tolist(),
                *evaluate_on_music(music, path),
            ]
            for variant, path in models.items()
        }
    arguments = " ".join(["MUSIC", *(font.name for font in fonts)])
    text = HEAD.format(arguments=arguments, epochs=EPOCHS, fresh=FRESH)
    for variant, values in metrics.items():
        text += table_row(variant.replace("-", " "), *(f"{value:.3f}" for value in values))
    params = load_params()
    text += CURVE_HEAD
    counts = {name: EPOCHS * fresh for name, fresh in CURVE.items()} | {FULL: params.epochs * params.mixtures.fresh}
    for variant, count in counts.items():
        _, mixtures_auc, _, music_auc, *_ = metrics[variant]
        text += table_row(f"{count:,}", f"{mixtures_auc:.3f}", f"{music_auc:.3f}")
    RESULTS.write_text(text, encoding="utf-8", newline="\n")
    print(text)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python scripts/ablate.py MUSIC FONT.sf2 ...")
    main(Path(sys.argv[1]), [Path(font) for font in sys.argv[2:]])
