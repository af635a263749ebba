"""Make the released weights: `python scripts/release.py train` trains them, `make release` puts them in the package.

They use the params of params.yaml, changed by release/params.yaml: more data and longer training. Training runs in a
clone of the last commit. Its dvc.lock, metrics and histories are kept in release/, to document how the weights were
made. The package gets them as 16-bit floats, which change a probability by about 0.001 at most, and a model card. DVC
takes stages that have run before from its cache.

Further commands of `python scripts/release.py`:

- `params` prints all params of the released weights.
- `describe` updates the model card, the checksums and the list of sources.
- `assets FOLDER` adds the files of a release to a folder.
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
import release_tests
from release_files import describe, weight_files, write_assets
from results import table

from timbre.core.errors import ParamsError
from timbre.core.yaml_file import with_changes

if TYPE_CHECKING:
    from timbre.model.checkpoint import TrainedModel
    from timbre.model.network import TimbreNet
    from timbre.model.timeline import TimelineNet

ROOT = Path(__file__).resolve().parents[1]
RELEASE = ROOT / "release"
CLONE = ROOT / ".release"
WEIGHTS = ROOT / "src" / "timbre" / "weights"
TASKS = ("single", "layered", "timeline")
SOUNDS = "sounds"  # folder of the sound fonts and recordings that release/params.yaml names
MAX_BYTES = 5_000_000
HEADER_METRICS = (
    ("accuracy", "single-label: accuracy", "single", "accuracy"),
    ("f1", "single-label: macro F1", "single", "macro_f1"),
    ("f1", "multi-label: micro F1", "layered", "micro_f1"),
    ("f1", "multi-label: macro F1", "layered", "macro_f1"),
    ("roc_auc", "multi-label: mean AUC", "layered", "mean_auc"),
)


def params(root: Path = ROOT) -> dict[str, Any]:
    """Return the params of the released weights: params.yaml with the changes of release/params.yaml.

    Raises:
        SystemExit: release/params.yaml has a key that params.yaml lacks.
    """
    base, changes = (
        yaml.safe_load((root / name).read_text(encoding="utf-8")) for name in ("params.yaml", "release/params.yaml")
    )
    try:
        return with_changes(base or {}, changes)
    except ParamsError as error:
        sys.exit(f"release/params.yaml: {error}")


def train() -> None:
    """Run the pipeline with the params of the release in a clone of the last commit, and keep its record.

    Raises:
        SystemExit: The pipeline failed. Its own messages say why.
    """
    shutil.rmtree(CLONE, ignore_errors=True)
    _run("git", "clone", "--quiet", "--shared", ROOT, CLONE)
    _run("dvc", "cache", "dir", "--local", ROOT / ".dvc" / "cache", cwd=CLONE)
    (CLONE / "params.yaml").write_text(yaml.safe_dump(params(), sort_keys=False), encoding="utf-8", newline="\n")
    (CLONE / "dvc.lock").unlink()
    if (RELEASE / "dvc.lock").is_file():
        shutil.copyfile(RELEASE / "dvc.lock", CLONE / "dvc.lock")
    if (ROOT / SOUNDS).is_dir():
        (CLONE / SOUNDS).symlink_to(ROOT / SOUNDS)
    _run("dvc", "repro", cwd=CLONE)
    keep(CLONE)


def keep(run: Path) -> None:
    """Copy the record of a finished run to release/: dvc.lock, metrics and histories."""
    shutil.copyfile(run / "dvc.lock", RELEASE / "dvc.lock")
    for folder, pattern in (("metrics", "*.json"), ("models", "*_history.csv")):
        for path in sorted((run / folder).glob(pattern)):
            (RELEASE / folder).mkdir(exist_ok=True)
            shutil.copyfile(path, RELEASE / folder / path.name)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    environment = os.environ | {"PYTHONPATH": str(cwd / "src")}
    if subprocess.run(command, cwd=cwd, env=environment).returncode:
        sys.exit(f"release: {' '.join(map(str, command))} failed; its own message above says why")


def locked() -> dict[str, str]:
    """Return the MD5 of each model in release/dvc.lock."""
    stages = yaml.safe_load((RELEASE / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    md5s = {out["path"]: out["md5"] for task in TASKS for out in stages[f"train_{task}"]["outs"]}
    return {task: md5s[f"models/{task}.safetensors"] for task in TASKS}


def hidden() -> tuple[str, ...]:
    """Return the instruments of the released weights that are little tested. Those of params.yaml never are."""
    always = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["instruments"]
    return release_tests.little_tested(params()["instruments"], always)


def card() -> str:
    """Return the model card. Its figures are those in release/."""
    data = json.loads((RELEASE / "metrics" / "data.json").read_text(encoding="utf-8"))
    counts = {split: f"{sum(labels.values()):,}" for split, labels in data["clips"].items()}
    sizes = ", ".join(f"`{task}.safetensors` (from MD5 {md5})" for task, md5 in locked().items())
    figures = table(RELEASE / "metrics")
    *first, last = params()["instruments"]
    return CARD.format(
        **counts,
        header=_header(),
        sizes=sizes,
        table=figures,
        instruments=f"{', '.join(first)} and {last}",
        tests=release_tests.table([*first, last], hidden()),
        sure=release_tests.sure_table(),
        credits=_credits(data["credits"]),
    )


def _header() -> str:
    """Return the metadata of the model card, as hubs of models read it, with the metrics on test."""
    scores = {
        task: json.loads((RELEASE / "metrics" / f"{task}.json").read_text(encoding="utf-8"))
        for task in ("single", "layered")
    }
    metrics = [
        {"type": kind, "name": title, "value": scores[task]["test"][key]} for kind, title, task, key in HEADER_METRICS
    ]
    test = {"type": "timbre-test", "name": "test clips and mixtures of the release"}
    task = {"type": "audio-classification", "name": "instrument recognition"}
    values = {
        "license": "mit",
        "library_name": "timbre",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "instrument-recognition", "audio-tagging", "onnx"],
        "metrics": ["f1", "roc_auc"],
        "model-index": [{"name": "Timbre", "results": [{"task": task, "dataset": test, "metrics": metrics}]}],
    }
    return yaml.safe_dump(values, sort_keys=False)


def _credits(credits: list[dict[str, Any]]) -> str:
    """Return one line per source and licence of the recordings."""
    lines = []
    for credit in credits:
        count = credit["recordings"]
        lines.append(f"- {credit['source']}: {count} recording{'s' if count > 1 else ''}, {credit['licence']}")
    return "\n".join(lines)


def load(path: Path) -> "TrainedModel[TimbreNet] | TrainedModel[TimelineNet]":
    """Load a model of any task."""
    from timbre.model.checkpoint import load_model, load_timeline

    return load_timeline(path) if path.stem == "timeline" else load_model(path)


def release() -> int:
    """Write the weights, as models and as one ONNX file, and what describes them; return their size in bytes.

    Raises:
        SystemExit: The models are not those of release/dvc.lock, or the weights are too large for the package.
    """
    from timbre.export import export_onnx
    from timbre.model.checkpoint import save_model
    from timbre.songs.onnx_engine import ONNX_FILE

    WEIGHTS.mkdir(exist_ok=True)
    for task, md5 in locked().items():
        path = CLONE / "models" / f"{task}.safetensors"
        if not path.is_file() or hashlib.md5(path.read_bytes()).hexdigest() != md5:
            sys.exit(
                f"release: {path.relative_to(ROOT)} is not the model of release/dvc.lock; "
                "run python scripts/release.py train"
            )
        trained = load(path)
        description = trained.description
        if task == "layered":
            description = description.model_copy(
                update={"little_tested": hidden(), "sure": release_tests.measured_bounds()}
            )
        save_model(WEIGHTS / path.name, trained.network.half(), description, trained.filters.half())
    (WEIGHTS / ONNX_FILE).unlink(missing_ok=True)
    export_onnx(WEIGHTS, WEIGHTS / ONNX_FILE)
    size = sum(path.stat().st_size for path in weight_files())
    if size > MAX_BYTES:
        sys.exit(f"release: the weights have {size} bytes, but at most {MAX_BYTES} are allowed")
    write_documents()
    return size


def write_documents() -> None:
    """Write the model card, the checksums and the list of sources."""
    (WEIGHTS / "README.md").write_text(card(), encoding="utf-8", newline="\n")
    describe()


CARD = """---
{header}---

# Released weights

{sizes}:
the models that `release/` documents (params.yaml, dvc.lock, metrics and histories), as 16-bit floats, written by
`make release`. `timbre predict` and `timbre.listen` use them if you have no `models/` of your own.

**Intended use.** They say which of {instruments} play in a recording, and when. One model recognises
an instrument that plays alone (single-label), one recognises several at once (multi-label), and one predicts a timeline
(instrument activity detection). Do not use them for other instruments, or for decisions where mistakes are costly.
Violin sections of an orchestra count as violin.

**Training data.** {train} clips for training, {validation} for validation and {test} for testing. They are phrases that
Timbre composes and renders with General MIDI sound fonts, and the recordings of people that are listed below. Some
of both are other instruments. The multi-label model is trained on new random mixtures of up to eight clips in each
epoch. Probabilities and thresholds are calibrated on mixtures of validation clips, in which guitar, drums, violin and
piano each play with a probability of 0.25, and up to four of the others do.

**Evaluation** on clips that were not used in training (brackets: 95 % bootstrap interval). All test clips are rendered.
The test mixtures resemble music: most contain one to four other instruments.

{table}
The project's README and its page of results have the figures for real music and real recordings; `make figures`
prints them.

**Each instrument,** on 101 excerpts of real music and on 1,300 clips of a sound font that training has not used
(MuseScore General). An instrument is shown by default if its AUC is at least 0.85 and its false positive rate at most
0.1: on the music, or, if fewer than five excerpts have it, on the clips and in the music. The first four always are.
Text, pictures, tags and the page show the little tested ones only on request. `scripts/release_tests.py` has the
commands.

{tests}

**Sure answers.** An answer is called sure if it is far enough from its threshold that 95 % of such answers should be
right. The bounds were chosen on the music above. The table has figures for sources that the bounds were not chosen on:
each source was left out once (`timbre sure`). Little tested instruments are never sure.

{sure}

**Limits.** On 101 excerpts of real music, the models report a guitar in 16 % of those without one. They find six of ten
voices and one of six cellos. In mixtures of real recordings they miss a third of the instruments, most often the piano.
They confuse other bowed strings with violin, and harps and mandolins with guitar or piano. In mixtures of solo
recordings they often report a bass or a cello that does not play. They have seen few synthesizers and few strong
effects. A telephone band lowers micro F1 on the excerpts by 0.27, noise as loud as the music by 0.34, and clipping by
12 dB or MP3 at 32 kbit/s by 0.06. They often miss an instrument that is 15 dB or more below the others. In synthetic
songs, half of the onsets and offsets are found within 0.3 s, and nearly six of ten events have both within 1 s.

**Licence.** You may use the weights for any purpose under the MIT licence, but the law has not settled whether weights
inherit a licence from their training data. They were trained on renderings of TimGM6mb.sf2 (GPL-2), GeneralUser GS (its
own licence: free to use in music and software) and FluidR3 GM (MIT), and on the recordings below. They contain no sound
of them. If you pass the weights on, pass on this card, because it credits the recordings. If the unsettled question
matters to you, train your own weights: set `soundfont.file` to a sound font of your choice, or `data.source` to your
own recordings.

**Recordings in the training data,** with thanks:

{credits}
"""


def main(arguments: list[str]) -> None:
    """Run the command line."""
    match arguments:
        case ["params"]:
            print(yaml.safe_dump(params(), sort_keys=False), end="")
        case ["describe"]:
            write_documents()
        case ["assets", folder]:
            write_assets(Path(folder))
        case [] | ["train"]:
            if arguments:
                train()
            print(f"release: {release() / 1e6:.2f} MB of weights in {WEIGHTS.relative_to(ROOT)}")
        case _:
            sys.exit("usage: python scripts/release.py [train|params|describe|assets FOLDER]")


if __name__ == "__main__":
    main(sys.argv[1:])
