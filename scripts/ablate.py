"""What each ingredient is worth: train without it, and judge by sounds that no training heard.

    python scripts/ablate.py FONT.sf2 ...

queues a DVC experiment for each of `VARIANTS` (`dvc exp show` lists them afterwards by these names), runs them, makes
clips by sound fonts that training does not hear, worn as recordings are, and writes how each model answers them to
benchmarks/ABLATION.md. MuseScore_General_Full.sf2, of Debian's musescore-general-soundfont-lossless, is one such sound
font; FluidR3 is none any more, since training hears its pianos.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from timbre.core.params import load_params
from timbre.sources.soundfont import font_path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
RESULTS = ROOT / "benchmarks" / "ABLATION.md"
EPOCHS, FRESH, JOBS = 5, 3000, 2
FULL = "the committed models, in full"
SHORTER: dict[str, object] = {"epochs": EPOCHS, "mixtures.fresh": FRESH, "compute.threads": 1}
NO_AUGMENTATION = {
    f"augment.{name}": 0 for name in ("shorten", "equaliser_db", "reverb", "compress", "noise", "low_pass", "mask")
}
CURVE = {  # mixtures per epoch
    "half-the-mixtures": FRESH // 2,
    "as-committed": FRESH,
    "twice-the-mixtures": 2 * FRESH,
    "four-times-the-mixtures": 4 * FRESH,
}
VARIANTS: dict[str, dict[str, object]] = {
    **{name: {"mixtures.fresh": fresh} for name, fresh in CURVE.items()},
    "without-transfer": {"transfer": 0},
    "without-shares": {"shares": 0},
    "without-other-instruments": {"mixtures.others": 0},
    "without-muon": {"optimizer": "adamw", "learning_rate": 0.003},
    "without-augmentation": NO_AUGMENTATION,
    "with-fixed-mixtures": {"mixtures.fresh": 0},
    "with-one-sound-font": {"soundfont.file": str(font_path("timgm"))},
}
HEAD = """# What each ingredient is worth

By `python scripts/ablate.py {fonts}`: {epochs} epochs of {fresh:,} mixtures, seed 0.

Judged by what sound fonts play that no training heard, worn as recordings are (`benchmarks/unheard.py`): of each font
400 clips of the four instruments, 150 mixtures of these and 100 clips of other instruments; means over the fonts. A
step of 0.02 or less is within what another seed does.

| variant | alone: mean recall | layered: mean AUC | micro F1 | macro F1 | claimed where none plays |
|---|---|---|---|---|---|
"""
CURVE_HEAD = """
## What more mixtures are worth

| mixtures heard | layered: mean AUC |
|---|---|
"""


def run(*command: str) -> None:
    """Run a command at the repository's root."""
    subprocess.run(command, cwd=ROOT, check=True)


def queue(name: str, changes: dict[str, object]) -> None:
    """Queue an experiment."""
    settings = [part for key, value in (SHORTER | changes).items() for part in ("-S", f"{key}={value}")]
    run("dvc", "exp", "run", "--queue", "--name", name, *settings)


def models_of(name: str, folder: Path) -> Path:
    """The models of an experiment, from DVC's cache."""
    models = folder / name
    models.mkdir()
    for task in ("single", "layered"):
        run("dvc", "get", "--quiet", ".", f"models/{task}.safetensors", "--rev", name, "-o", str(models))
    return models


def line(*cells: object) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(str, cells))} |\n"


def metrics_of(clips: Path, models: Path) -> list[float]:
    """The metrics of the table, as `benchmarks/real.py` measures them."""
    from real import measure

    measured = measure(clips, models)
    several = [measured["layered"][key] for key in ("mean AUC", "micro F1", "macro F1")]
    return [measured["single"]["mean recall"], *several, measured["claimed where none plays"]]


def main(fonts: list[Path]) -> None:
    """Run everything, and write the table."""
    for name, changes in VARIANTS.items():
        queue(name, changes)
    run("dvc", "exp", "run", "--run-all", "--jobs", str(JOBS))
    with TemporaryDirectory() as place:
        folder = Path(place)
        unheard = [folder / font.stem for font in fonts]
        for font, clips in zip(fonts, unheard, strict=True):
            run(sys.executable, "benchmarks/unheard.py", str(font.absolute()), str(clips), "worn")
        models = {FULL: ROOT / "models"} | {variant: models_of(variant, folder) for variant in VARIANTS}
        metrics = {name: np.mean([metrics_of(clips, of) for clips in unheard], axis=0) for name, of in models.items()}
    names = " ".join(font.name for font in fonts)
    text = HEAD.format(fonts=names, epochs=EPOCHS, fresh=FRESH)
    text += "".join(line(name.replace("-", " "), *(f"{value:.3f}" for value in of)) for name, of in metrics.items())
    params = load_params()
    heard = {name: EPOCHS * fresh for name, fresh in CURVE.items()} | {FULL: params.epochs * params.mixtures.fresh}
    text += CURVE_HEAD + "".join(line(f"{count:,}", f"{metrics[name][1]:.3f}") for name, count in heard.items())
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python scripts/ablate.py FONT.sf2 ...")
    main([Path(font) for font in sys.argv[1:]])
