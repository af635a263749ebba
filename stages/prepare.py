"""prepare: audit data/raw, decode it to windows of one length and sample rate, and split it by recording."""

from pathlib import Path

from timbre.core.files import fresh_folder, repository_root
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.dataset.prepare import prepare_dataset

CACHE = Path(".dvc/tmp/timbre")  # delete it to clear the cache


def prepare(params: Params) -> str:
    """Write data/clips: packed waveforms, their index, and a list of issues."""
    with fresh_folder("data/clips") as clips:
        return prepare_dataset(
            Path("data/raw"),
            clips,
            params.instruments,
            params.audio,
            params.splits,
            params.data.seed,
            params.compute,
            repository_root() / CACHE,
        )


if __name__ == "__main__":
    run_stage("prepare", prepare)
