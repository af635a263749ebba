"""Fixtures of several tests: params, the real sample, and models."""

from pathlib import Path

import pytest
from helpers import ROOT, TINY, committed_params, save_drawn_models, with_changes

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
    """Those of `save_drawn_models`."""
    save_drawn_models(tmp_path, tiny, tiny.instruments, (0.5, 0.0, 0.5, 1.0))
    return tmp_path
