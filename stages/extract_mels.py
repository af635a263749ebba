"""extract_mels: compute the log mel spectrogram of every window, packed by split."""

from pathlib import Path

from timbre.core.files import fresh_folder, repository_root
from timbre.core.params import Params
from timbre.core.partial_labels import label_kind
from timbre.core.stage import run_stage
from timbre.core.tables import SPLITS, Window, read_table, write_table
from timbre.features.extraction import write_mels
from timbre.features.mel_cache import MelCache

CLIPS = Path("data/clips")
CACHE = Path(".dvc/tmp/timbre-mels")  # delete it to clear the cache


def extract_mels(params: Params) -> str:
    """Write data/mels: for each split, a pack of mels and an index of its rows, sorted by kind of clip."""
    index = sorted(read_table(CLIPS / "index.csv", Window), key=lambda window: label_kind(window.label))
    cache = MelCache(
        repository_root() / CACHE,
        params.compute,
        pack=CLIPS / "windows.npy",
        sample_rate=params.audio.sample_rate,
        mel=params.mel,
    )
    packs = {}
    with fresh_folder("data/mels") as mels:
        for split in SPLITS:
            windows = [window for window in index if window.split == split]
            packs[mels / f"{split}.npy"] = rows = [window.row for window in windows]
            write_mels(mels / f"{split}.npy", rows, cache.extract, params.compute, f"{split} mels")
            write_table(mels / f"{split}.csv", windows, Window)
        cache.save(packs)
    return f"{len(index)} windows"


if __name__ == "__main__":
    run_stage("extract_mels", extract_mels)
