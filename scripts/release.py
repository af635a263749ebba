"""The released weights: `python scripts/release.py train` makes them, `make release` puts them into the package.

They come from a larger recipe than the default's, release/params.yaml. Training runs in a copy of what is committed,
with these params, and leaves its dvc.lock, metrics and histories beside them: what made the weights can be seen.
The package carries them as 16-bit floats, which changes no probability by more than a thousandth or so, with a model
card. What has been trained once comes from DVC's cache.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))
from results import table

if TYPE_CHECKING:
    from timbre.model.checkpoint import TrainedModel
    from timbre.model.network import TimbreNet
    from timbre.model.timeline import TimelineNet

ROOT = Path(__file__).resolve().parents[1]
RELEASE = ROOT / "release"
COPY = ROOT / ".release"
WEIGHTS = ROOT / "src" / "timbre" / "weights"
TASKS = ("single", "layered", "timeline")
SOUNDS = "sounds"  # where release/params.yaml looks for what is not rendered here
MOST_BYTES = 5_000_000


def train() -> None:
    """Run the pipeline with release/params.yaml in a copy of what is committed, and keep what it leaves.

    Raises:
        SystemExit: the pipeline failed; its own messages tell why.
    """
    shutil.rmtree(COPY, ignore_errors=True)
    _run("git", "clone", "--quiet", "--shared", ROOT, COPY)
    _run("dvc", "cache", "dir", "--local", ROOT / ".dvc" / "cache", cwd=COPY)
    shutil.copyfile(RELEASE / "params.yaml", COPY / "params.yaml")
    (COPY / "dvc.lock").unlink()
    if (RELEASE / "dvc.lock").is_file():
        shutil.copyfile(RELEASE / "dvc.lock", COPY / "dvc.lock")
    if (ROOT / SOUNDS).is_dir():
        (COPY / SOUNDS).symlink_to(ROOT / SOUNDS)
    _run("dvc", "repro", cwd=COPY)
    keep(COPY)


def keep(run: Path) -> None:
    """Copy what tells of a finished run into release/."""
    shutil.copyfile(run / "dvc.lock", RELEASE / "dvc.lock")
    for folder, pattern in (("metrics", "*.json"), ("models", "*_history.csv")):
        for path in sorted((run / folder).glob(pattern)):
            (RELEASE / folder).mkdir(exist_ok=True)
            shutil.copyfile(path, RELEASE / folder / path.name)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    environment = os.environ | {"PYTHONPATH": str(cwd / "src")}
    if subprocess.run(command, cwd=cwd, env=environment).returncode:
        sys.exit(f"release: {' '.join(map(str, command))} failed; its own message above tells why")


def locked() -> dict[str, str]:
    """The MD5 of each model as release/dvc.lock has it."""
    stages = yaml.safe_load((RELEASE / "dvc.lock").read_text())["stages"]
    found = {out["path"]: out["md5"] for task in TASKS for out in stages[f"train_{task}"]["outs"]}
    return {task: found[f"models/{task}.safetensors"] for task in TASKS}


def card() -> str:
    """The model card, from what release/ holds alone."""
    data = json.loads((RELEASE / "metrics" / "data.json").read_text())
    counts = {split: f"{sum(labels.values()):,}" for split, labels in data["clips"].items()}
    sizes = ", ".join(f"`{task}.safetensors` (from MD5 {md5})" for task, md5 in locked().items())
    return CARD.format(**counts, sizes=sizes, table=table(RELEASE / "metrics"), credits=_credits(data["credits"]))


def _credits(credits: list[dict[str, Any]]) -> str:
    lines = []
    for each in credits:
        count = each["recordings"]
        lines.append(f"- {each['source']}: {count} recording{'s' if count > 1 else ''}, {each['licence']}")
    return "\n".join(lines)


def load(path: Path) -> "TrainedModel[TimbreNet] | TrainedModel[TimelineNet]":
    """A model of any task."""
    from timbre.model.checkpoint import load_model, load_timeline

    return load_timeline(path) if path.stem == "timeline" else load_model(path)


def release() -> int:
    """Write weights, as models and as one ONNX file, and card; return the bytes of all of them.

    Raises:
        SystemExit: the models are not what release/dvc.lock says, or the weights are too large to be carried.
    """
    from timbre.export import export_onnx
    from timbre.model.checkpoint import save_model
    from timbre.songs.onnx_engine import FILE

    WEIGHTS.mkdir(exist_ok=True)
    for task, md5 in locked().items():
        path = COPY / "models" / f"{task}.safetensors"
        if not path.is_file() or hashlib.md5(path.read_bytes()).hexdigest() != md5:
            sys.exit(
                f"release: {path.relative_to(ROOT)} is not the model of release/dvc.lock; "
                "run python scripts/release.py train"
            )
        trained = load(path)
        save_model(WEIGHTS / path.name, trained.network.half(), trained.description, trained.filters.half())
    (WEIGHTS / FILE).unlink(missing_ok=True)
    export_onnx(WEIGHTS, WEIGHTS / FILE)
    size = sum(path.stat().st_size for path in (WEIGHTS / FILE, *WEIGHTS.glob("*.safetensors")))
    if size > MOST_BYTES:
        sys.exit(f"release: {size} bytes of weights are more than the {MOST_BYTES} that the package may carry")
    (WEIGHTS / "README.md").write_text(card(), encoding="utf-8")
    return size


CARD = """---
license: mit
library_name: timbre
pipeline_tag: audio-classification
tags: [music, instrument-recognition, audio-tagging]
metrics: [f1, roc_auc]
---

# Released weights

{sizes}:
the models of `release/` (params.yaml, dvc.lock, metrics and histories), as 16-bit floats, made by `make release`.
`timbre predict` and `timbre.listen` take them where there are no `models/` of your own.

**For** saying which of guitar, drums, violin and piano play in a recording, alone or together, and when. Not for any
other instrument, and not where a mistake has a price. Sections of violins count as violin.

**What they learnt from:** {train} clips ({validation} more to validate, {test} to test): phrases composed by rule and
rendered by General MIDI sound fonts, and recordings of people, listed below with their licences; a good part of both
are other instruments and voices. Mixtures of them, up to eight at once, are drawn anew as training goes on.
Probabilities and thresholds are fitted to such mixtures of validation's clips, in which each of the four plays in a
quarter.

**How good they are** on clips that training did not hear (95 % bootstrap interval in brackets). Test is rendered; its
mixtures are like music too, with up to four other instruments in most:

{table}
On real music and real recordings, see the tables of the project's README.

**Limits.** They rather miss an instrument than claim one that is not there. Bowed strings other than the violin are
near to it, and harps and mandolins near to guitar and piano. Synthesizers and strong effects are hardly known. An
instrument 15 dB or more below the others is often missed. In songs of known truth, half of the starts and ends of
sections are found within 0.3 s, six of ten sections with both within 1 s.

**Licence.** The weights are under the project's MIT licence as far as it reaches. They have heard renderings of
TimGM6mb.sf2 (GPL-2), of GeneralUser GS (its own licence: free to use in music and software), of FluidR3 GM (MIT), and
the recordings below, and hold no sound of them; whether weights inherit a licence from what they heard is not settled
in law. Where that matters to you, train your own: `soundfont.file` names a sound font of your choice, `data.source`
recordings of your own.

**Recordings heard,** with thanks:

{credits}
"""


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        train()
    elif sys.argv[1:]:
        sys.exit("usage: python scripts/release.py [train]")
    print(f"release: {release() / 1e6:.2f} MB of weights in {WEIGHTS.relative_to(ROOT)}")
