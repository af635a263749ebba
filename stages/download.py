"""download: fill data/raw from the sources that data.source names."""

from timbre.core.files import fresh_folder
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.sources.fetch import fetch


def download(params: Params) -> str:
    """Render, copy or download the recordings and return a summary for the log."""
    with fresh_folder("data/raw") as raw:
        return fetch(params, raw)


if __name__ == "__main__":
    run_stage("download", download)
