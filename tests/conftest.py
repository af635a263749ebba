"""Fixtures of several tests: params, the real sample, and two models."""

from pathlib import Path

import pytest
from helpers import ROOT, TINY, committed_params, with_changes

from timbre.core.params import Params, load_params

SAMPLE = ROOT.parent / "shared" / "kaggle-sample"


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
    from timbre.model.checkpoint import ModelConfig, save_model
    from timbre.model.network import TimbreNet

    torch.manual_seed(0)
    filters = filter_bank(tiny.audio.sample_rate, tiny.mel)
    for task, thresholds in (("single", ()), ("layered", (0.5, 0.0, 0.5, 1.0))):
        description = ModelConfig(
            task=task,
            audio=tiny.audio,
            mel=tiny.mel,
            model=tiny.model,
            thresholds=thresholds,
            instruments=tiny.instruments,
        )
        save_model(tmp_path / f"{task}.safetensors", TimbreNet(tiny.model, len(tiny.instruments)), description, filters)
    return tmp_path
