"""Shared by the tests: the params as committed, tiny ones, generated audio, and the real sample."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from timbre.core.params import Params, load_params

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT.parent / "shared" / "kaggle-sample"

TINY = {
    "epochs": 2,
    "batch_size": 16,
    "soundfont": {"clips": 80, "others": 24, "seconds": 1.0, "sample_rate": 16000},
    "audio": {"sample_rate": 16000, "window": 1.0},
    "mel": {"n_fft": 512, "hop_length": 320, "n_mels": 32, "fmin": 50.0, "fmax": 8000.0},
    "mixtures": {"train": 32, "fresh": 32, "validation": 8, "test": 8, "offset": 0.2},
    "model": {"channels": 4, "blocks": 3},
    "augment": {"crop": 0.8},
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


@pytest.fixture(scope="session")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def tiny() -> Params:
    return Params.model_validate(with_changes(committed_params(), TINY))


@pytest.fixture(scope="session")
def sample() -> Path:
    if not SAMPLE.is_dir():
        pytest.skip("the real recordings of ../shared/kaggle-sample are not here")
    return SAMPLE


@pytest.fixture
def models(tiny: Params, tmp_path: Path) -> Path:
    """Two networks with drawn weights: enough to see that answers come in their form, and the same each time."""
    import torch

    from timbre.features.mel import filter_bank
    from timbre.model.checkpoint import Description, save_model
    from timbre.model.network import Listener

    torch.manual_seed(0)
    filters = filter_bank(tiny.audio.sample_rate, tiny.mel)
    for task, thresholds in (("single", ()), ("layered", (0.5, 0.0, 0.5, 1.0))):
        description = Description(task=task, audio=tiny.audio, mel=tiny.mel, model=tiny.model, thresholds=thresholds)
        save_model(tmp_path / f"{task}.safetensors", Listener(tiny.model), description, filters)
    return tmp_path


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    """A sine of amplitude 0.5, float32."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
