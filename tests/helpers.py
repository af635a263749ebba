"""Helpers of the tests: the params as committed, tiny ones, and generated audio."""

from pathlib import Path

import numpy as np
import yaml

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
    "timeline": {"songs": 4, "seconds": 10.0},
    "calibration": {"mixtures": 40},
}


def with_changes(values: dict, changes: dict) -> dict:
    """Params as nested dictionaries, some of them changed."""
    return {
        **values,
        **{
            key: with_changes(values[key], change) if isinstance(change, dict) else change
            for key, change in changes.items()
        },
    }


def committed_params() -> dict:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    """A sine of amplitude 0.5, float32."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
