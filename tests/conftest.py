"""Fixtures of several tests: params, the real sample, and models."""

import os
from pathlib import Path

import forks
import pytest
from helpers import ROOT, TINY, committed_params, save_drawn_models
from once import made_once
from repository import Repository, tiny_clone

from timbre.core.params import Params, load_params
from timbre.core.yaml_file import with_changes

LONGEST = ("pipeline", "clones", "labelled_music", "versions", "own_files", "devices", "search", "dask", "page")
SAMPLE = ROOT.parent / "shared" / "kaggle-sample"


def pytest_configure(config: pytest.Config) -> None:
    """Start the server of forks, once for all workers. Each process has one thread: two workers use two cores."""
    if not hasattr(config, "workerinput"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        config.add_cleanup(forks.start())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the workers start with the longest files, so that they end at the same time."""
    order = {f"test_{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


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


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a clone after its first `dvc repro`, which printed `.dvc/tmp/output`. Tests change copies of it."""

    def fill(folder: Path) -> None:
        clone = tiny_clone(folder)
        output = clone.run("dvc repro")
        clone.commit("first")
        (folder / ".dvc/tmp/output").write_text(output)

    return Repository(made_once(tmp_path_factory, "pipeline", fill))
