"""Make the weights that the package carries from those of the last `dvc repro`: `make release`.

They are halved in size as 16-bit floats, which changes no probability by more than a thousandth or so, and described in
a model card. What they were made from must be what is committed: the hashes of dvc.lock go with them.
"""

import hashlib
import json
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))
from results import table

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "src" / "timbre" / "weights"
METRICS = ROOT / "metrics"
TASKS = ("single", "layered")
MOST_BYTES = 3_000_000


def locked() -> dict[str, str]:
    """The MD5 of each model as dvc.lock has it."""
    stages = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    found = {out["path"]: out["md5"] for task in TASKS for out in stages[f"train_{task}"]["outs"]}
    return {task: found[f"models/{task}.safetensors"] for task in TASKS}


def card() -> str:
    """The model card, from dvc.lock and metrics/ alone."""
    data = json.loads((METRICS / "data.json").read_text())["clips"]
    counts = {split: f"{sum(labels.values()):,}" for split, labels in data.items()}
    sizes = ", ".join(f"`{task}.safetensors` (from MD5 {md5})" for task, md5 in locked().items())
    return CARD.format(**counts, sizes=sizes, table=table(METRICS))


def release() -> int:
    """Write weights and card; return the bytes of the weights.

    Raises:
        SystemExit: models/ is not what dvc.lock says, or the weights are too large to be carried.
    """
    from timbre.model.checkpoint import load_model, save_model

    WEIGHTS.mkdir(exist_ok=True)
    for task, md5 in locked().items():
        path = ROOT / "models" / f"{task}.safetensors"
        if not path.is_file() or hashlib.md5(path.read_bytes()).hexdigest() != md5:
            sys.exit(f"release: {path.relative_to(ROOT)} is not the model of dvc.lock; run dvc repro")
        trained = load_model(path)
        save_model(WEIGHTS / path.name, trained.network.half(), trained.description, trained.filters.half())
    size = sum((WEIGHTS / f"{task}.safetensors").stat().st_size for task in TASKS)
    if size > MOST_BYTES:
        sys.exit(f"release: {size} bytes of weights are more than the {MOST_BYTES} that the package may carry")
    (WEIGHTS / "README.md").write_text(card(), encoding="utf-8")
    return size


CARD = """# Released weights

{sizes}:
the models of the committed `dvc repro`, as 16-bit floats, made by `make release`. `timbre predict` and `timbre.listen`
take them where there are no `models/` of your own.

**For** saying which of guitar, drums, violin and piano play in a recording, alone or together, and when. Not for any
other instrument, and not where a mistake has a price. Sections of violins count as violin.

**What they learnt from:** {train} clips of 4 s ({validation} more to validate, {test} to test), all rendered: phrases
composed by rule, played by General MIDI sound fonts; a fifth of them other instruments. No
recording of a person was heard in training, in validation, or to choose thresholds. Probabilities and thresholds are
fitted to mixtures like music's, in which each of the four plays in a quarter, mostly with other instruments.

**How good they are** on rendered clips that training did not hear (95 % bootstrap interval in brackets); in the layered
ones two to four of the four play and nothing else, which thresholds for music let too few through:

{table}
On real music and on real recordings: the tables of the project's README.

**Limits.** Bowed strings other than the violin are near to it, and harps, mandolins and harpsichords near to guitar and
piano. A voice alone may pass for a violin; synthesizers and strong
effects are hardly known. An instrument 15 dB or more below the others is often
missed. One answer covers 4 s, and the timeline is no sharper than a second or so.

**Licence.** The weights are under the project's MIT licence as far as it reaches. They have heard renderings of
TimGM6mb.sf2 (GPL-2), of GeneralUser GS (its own licence: free to use in music and software) and of the pianos of
FluidR3 (MIT), and hold no sound of them; whether weights inherit a licence from what they heard is not settled in law.
Where that matters to you, train your own: `soundfont.file` names a sound font of your choice, `data.source` recordings
of your own.
"""


if __name__ == "__main__":
    print(f"release: {release() / 1e6:.2f} MB of weights in {WEIGHTS.relative_to(ROOT)}")
