"""Helpers of the tests: the params as committed, tiny ones, and generated audio."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

if TYPE_CHECKING:
    from timbre.core.params import Params

INSTRUMENTS = ("guitar", "drums", "violin", "piano")
ROOT = Path(__file__).resolve().parents[1]

TINY = {
    "epochs": 2,
    "repeats": 1,
    "batch_size": 16,
    "soundfont": {"clips": 80, "others": 24, "seconds": 1.0, "sample_rate": 16000},
    "audio": {"sample_rate": 16000, "window": 1.0},
    "mel": {"n_fft": 512, "hop_length": 320, "n_mels": 32, "fmin": 50.0, "fmax": 8000.0},
    "mixtures": {"train": 32, "fresh": 32, "validation": 8, "test": 8, "offset": 0.2},
    "model": {"channels": 4, "blocks": 3},
    "augment": {"crop": 0.8},
    "timeline": {"songs": 4, "seconds": 10.0, "train": 6, "validation": 4},
    "calibration": {"mixtures": 40},
    "compute": {"workers": 1, "threads": 1},  # two workers of pytest would wait for each other's threads
}


def committed_params() -> dict:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def damage_file(path: Path, damage: str, count: int) -> None:
    """Damage a file, but not other links to it: its last `count` bytes are changed, or it is cut in half, or gone."""
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else content[:-count] + bytes(count))


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    """A sine of amplitude 0.5, float32."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def save_drawn_models(
    folder: Path, tiny: "Params", instruments: tuple[str, ...], thresholds: tuple[float, ...], **layered_only: object
) -> None:
    """Three networks with drawn weights: enough to see that answers come in their form, and the same each time.

    `layered_only` adds to the description of the layered model.
    """
    import torch

    from timbre.features.mel import filter_bank
    from timbre.model.checkpoint import ModelConfig, fingerprint, save_model
    from timbre.model.network import TimbreNet
    from timbre.model.timeline import TimelineNet

    torch.manual_seed(0)
    filters = filter_bank(tiny.audio.sample_rate, tiny.mel)
    single, layered = (TimbreNet(tiny.model, len(instruments)) for _ in range(2))
    timeline = TimelineNet(tiny.model, len(instruments))
    timeline.last.bias.data = 20 * (0.5 - torch.tensor(thresholds))  # what is always present plays throughout
    for task, network, own in (
        ("single", single, {}),
        ("layered", layered, {"thresholds": thresholds, **layered_only}),
        ("timeline", timeline, {"follows": fingerprint(layered)}),
    ):
        description = ModelConfig(
            task=task, audio=tiny.audio, mel=tiny.mel, model=tiny.model, instruments=instruments, **own
        )
        save_model(folder / f"{task}.safetensors", network, description, filters)
