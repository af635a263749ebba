"""What each ingredient is worth: train without it, and judge by sounds that no training heard and by real music.

    python scripts/ablate.py MUSIC FONT.sf2 ...

queues a DVC experiment for each of `VARIANTS` (`dvc exp show` lists them afterwards by these names), runs them, makes
clips by sound fonts that training does not hear, worn as recordings are, and writes how each model answers these, and
the labelled music in the folder MUSIC (as `benchmarks/music.py` reads it), to benchmarks/ABLATION.md.
MuseScore_General_Full.sf2, of Debian's musescore-general-soundfont-lossless, is one such sound font; FluidR3 is none
any more, since training hears its pianos. With recordings in sounds/recordings, one variant hears them too.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from timbre.benchmark import measure, predict_recordings
from timbre.core.params import load_params
from timbre.model.checkpoint import save_untrained
from timbre.songs.predictor import Predictor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
RESULTS = ROOT / "benchmarks" / "ABLATION.md"
EPOCHS, FRESH, JOBS = 4, 2400, 2
FULL = "the committed models, in full"
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
HEAD = """# What each ingredient is worth

By `python scripts/ablate.py {arguments}`: {epochs} epochs of {fresh:,} mixtures, seed 0.

Judged by two things. What unseen sound fonts play, augmented like recordings (`benchmarks/unseen_font.py`): of
each font 400 clips of the four instruments, 150 mixtures of two to four of these and 100 clips of other instruments;
means over the fonts. And real music (`benchmarks/music.py`), whose thresholds are those of music. A step of 0.02 or
less is within what another seed does, and trainings as short as these favour what makes the task easier: read what
augmentation, company and recordings cost here as the most that they can.

Settled by version 0.1's ablation, and not asked again, on mixtures: AdamW in place of Muon 0.841, fixed mixtures 0.864,
one sound font 0.817, where all of that had 0.868.

Tried once, at full length, and left out: phrases composed for one another, one key, tempo and chords to a song, of
which half of the mixtures took all their parts, cut at one place. On one data set of such songs, music's mean AUC was
0.950 and 0.947 (seeds 0, 1) where parts met so, 0.952 and 0.947 where by chance; micro F1 0.811 and 0.813, and 0.802
and 0.817.

Tried at full length, and taken in: `moments`. With 50,000 mixtures of the data of then, seed 0: music's mean AUC 0.951
without and 0.962 with, micro F1 0.808 and 0.865, F1 of a timeline's segments 0.833 and 0.844, error of its boundaries
0.415 and 0.350 s. With a weight of 3: 0.955, 0.794, 0.829 and 0.353.

| variant | alone: recall | mixtures: AUC | claimed where none plays | music: AUC | micro F1 | claimed where absent |
|---|---|---|---|---|---|---|
"""
CURVE_HEAD = """
## What more mixtures are worth

| mixtures heard | mixtures: AUC | music: AUC |
|---|---|---|
"""


def run(*command: str) -> None:
    """Run a command at the repository's root."""
    subprocess.run(command, cwd=ROOT, check=True)


def queue(name: str, changes: dict[str, object]) -> None:
    """Queue an experiment."""
    settings = [part for key, value in (SHORTER | changes).items() for part in ("-S", f"{key}={value}")]
    run("dvc", "exp", "run", "train_single", "--queue", "--name", name, *settings)


def models_of(name: str, folder: Path) -> Path:
    """The models of an experiment, from DVC's cache."""
    models = folder / name
    models.mkdir()
    for task in ("single", "layered"):
        run("dvc", "get", "--quiet", ".", f"models/{task}.safetensors", "--rev", name, "-o", str(models))
    save_untrained(models / "timeline.safetensors")  # nothing here asks when
    return models


def line(*cells: object) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(str, cells))} |\n"


def of_clips(clips: Path, models: Path) -> list[float]:
    """How a model answers a font's clips, as `benchmarks/real.py` measures it."""
    from real import measure

    measured = measure(clips, models)
    return [measured["single"]["mean recall"], measured["layered"]["mean AUC"], measured["claimed where none plays"]]


def of_music(folder: Path, models: Path) -> list[float]:
    """How a model answers music, as `benchmarks/music.py` measures it."""
    from music import read_music

    predictor = Predictor(models)
    measured = measure(*predict_recordings(read_music(folder, predictor.instruments), predictor))
    return [float(measured[name][0].value) for name in ("AUC", "F1 (all: micro)", "claimed where absent")]


def main(music: Path, fonts: list[Path]) -> None:
    """Run everything, and write the table."""
    for name, changes in VARIANTS.items():
        queue(name, changes)
    run("dvc", "exp", "run", "--run-all", "--jobs", str(JOBS))
    with TemporaryDirectory() as place:
        folder = Path(place)
        unheard = [folder / font.stem for font in fonts]
        for font, clips in zip(fonts, unheard, strict=True):
            run(sys.executable, "benchmarks/unseen_font.py", str(font.absolute()), str(clips), "worn")
        models = {FULL: ROOT / "models"} | {variant: models_of(variant, folder) for variant in VARIANTS}
        metrics = {
            name: [*np.mean([of_clips(clips, of) for clips in unheard], axis=0).tolist(), *of_music(music, of)]
            for name, of in models.items()
        }
    arguments = " ".join(["MUSIC", *(font.name for font in fonts)])
    text = HEAD.format(arguments=arguments, epochs=EPOCHS, fresh=FRESH)
    text += "".join(line(name.replace("-", " "), *(f"{value:.3f}" for value in of)) for name, of in metrics.items())
    params = load_params()
    heard = {name: EPOCHS * fresh for name, fresh in CURVE.items()} | {FULL: params.epochs * params.mixtures.fresh}
    curve = [(f"{count:,}", *(f"{metrics[name][place]:.3f}" for place in (1, 3))) for name, count in heard.items()]
    text += CURVE_HEAD + "".join(line(*cells) for cells in curve)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python scripts/ablate.py MUSIC FONT.sf2 ...")
    main(Path(sys.argv[1]), [Path(font) for font in sys.argv[2:]])
