"""extract_mels: compute the log mel spectrogram of every window, packed by split."""

from functools import partial
from pathlib import Path

from timbre.core.files import fresh_folder
from timbre.core.params import Params
from timbre.core.partial_labels import label_kind
from timbre.core.stage import run_stage
from timbre.core.tables import SPLITS, Window, read_table, write_table
from timbre.features.extraction import clip_mels, write_mels

CLIPS = Path("data/clips")


def extract_mels(params: Params) -> str:
    """Write data/mels: for each split, a pack of mels and an index of its rows, sorted by kind of clip."""
    index = sorted(read_table(CLIPS / "index.csv", Window), key=lambda window: label_kind(window.label))
    extract = partial(clip_mels, pack=CLIPS / "windows.npy", sample_rate=params.audio.sample_rate, mel=params.mel)
    with fresh_folder("data/mels") as mels:
        for split in SPLITS:
            windows = [window for window in index if window.split == split]
            rows = [window.row for window in windows]
            write_mels(mels / f"{split}.npy", rows, extract, params.compute, f"{split} mels")
            write_table(mels / f"{split}.csv", windows, Window)
    return f"{len(index)} windows"


if __name__ == "__main__":
    run_stage("extract_mels", extract_mels)
