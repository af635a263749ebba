"""Write a model repository and a static Space for Hugging Face."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from timbre.core.errors import DataError
from timbre.core.extras import needs
from timbre.core.files import RELEASED, fresh_folder
from timbre.hub.sample import write_sample
from timbre.page.write import page_text
from timbre.songs.onnx_engine import ONNX_FILE
from timbre.songs.predictor import Predictor, find_models

TASKS = ("single", "layered", "timeline")
SPACE, SAMPLE = "space", "sample.wav"
CARD_HEADER = {
    "license": "unknown",
    "library_name": "timbre",
    "pipeline_tag": "audio-classification",
    "tags": ["music", "instrument-recognition", "audio-tagging", "onnx"],
}
SPACE_HEADER = {
    "title": "Timbre",
    "emoji": "🎻",
    "colorFrom": "indigo",
    "colorTo": "pink",
    "sdk": "static",
    "app_file": "index.html",
    "license": "mit",
    "short_description": "Which instruments play in a song, and when",
}
OWN_CARD = """
# Models that were trained with Timbre

They recognise {instruments} in recordings. Say here what they were trained on, how well they work, and under which
licence others may use them (`license` at the top of this file).
"""
USAGE = """
## How to use these files

```sh
hf download OWNER/NAME --local-dir timbre-models
timbre predict --models timbre-models song.mp3
```

The safetensors files are for PyTorch. `timbre.onnx` has all models in one file, for ONNX Runtime: waveforms in,
probabilities out. `config.json` has the instruments, thresholds, sample rate and mel spectrogram. `sample.wav` is a
short sound to try: plucked strings, then drums. Timbre computed it, so it is free to use.
"""
SPACE_TEXT = """
# Timbre

Drop a song on the page to see which instruments play, and when. The models run in your browser, and your songs stay on
your machine. `sample.wav` is a short sound to try.
"""


def write_hub(models: Path | None, folder: Path) -> None:
    """Write what a model repository needs, and a static Space in the folder `space`.

    Args:
        models: Folder with the models. None: see `find_models`.
        folder: The folder to write. `timbre predict --models` reads it.

    Raises:
        DataError: The folder is not empty, a package is not installed, or a model is missing, untrained or damaged.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: is not an empty folder; name a new one, or delete it")
    needs("export", "onnx", "torch", "safetensors")
    from timbre.export import NO_SINGLE
    from timbre.model.checkpoint import is_untrained

    models = find_models() if models is None else models
    if is_untrained(models / "single.safetensors"):
        raise DataError(NO_SINGLE)
    predictor = Predictor(models)
    with fresh_folder(folder) as partial:
        for task in TASKS:
            shutil.copyfile(models / f"{task}.safetensors", partial / f"{task}.safetensors")
        _copy_or_export(models, partial / ONNX_FILE)
        _write(partial / "config.json", json.dumps(_config(models), indent=2) + "\n")
        _write(partial / "README.md", _card(models, predictor.instruments) + USAGE)
        write_sample(partial / SAMPLE)
        (partial / SPACE).mkdir()
        _write(partial / SPACE / "README.md", _header(SPACE_HEADER) + SPACE_TEXT)
        _write(partial / SPACE / "index.html", page_text(predictor, models))
        shutil.copyfile(partial / SAMPLE, partial / SPACE / SAMPLE)


def _copy_or_export(models: Path, path: Path) -> None:
    """Write the ONNX file of the models."""
    if (models / ONNX_FILE).is_file():
        shutil.copyfile(models / ONNX_FILE, path)
    else:
        from timbre.export import export_onnx

        export_onnx(models, path)


def _config(models: Path) -> dict[str, Any]:
    """Return the description of each model, and what all models share."""
    from safetensors import safe_open

    from timbre.model.checkpoint import KEY

    described = {}
    for task in TASKS:
        with safe_open(models / f"{task}.safetensors", framework="np") as file:
            described[task] = json.loads(file.metadata()[KEY])
    shared = ("instruments", "audio", "mel")
    layered = described["layered"]
    return {
        "model_type": "timbre",
        "id2label": dict(enumerate(layered["instruments"])),
        **{name: layered[name] for name in shared},
        **{task: {key: value for key, value in described[task].items() if key not in shared} for task in TASKS},
    }


def _card(models: Path, instruments: tuple[str, ...]) -> str:
    """Return the card of the released weights, or a card to complete for the user's own."""
    if models.resolve() == RELEASED.resolve():
        return (RELEASED / "README.md").read_text(encoding="utf-8")
    return _header(CARD_HEADER) + OWN_CARD.format(instruments=", ".join(instruments))


def _header(values: dict[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
