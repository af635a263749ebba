"""layer_mixtures: draw mixtures of instruments within each split from a fixed seed, and extract their mels."""

from functools import partial
from pathlib import Path

from timbre.core.files import fresh_folder
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import SPLITS, Part, Window, parts_by_mixture, read_table, write_table
from timbre.features.extraction import write_mels
from timbre.features.mixtures import draw_recipes, mixture_mels

CLIPS = Path("data/clips")


def layer_mixtures(params: Params) -> str:
    """Write data/layered: for each split the recipes as text and the packed mels of the mixtures."""
    index = read_table(CLIPS / "index.csv", Window)
    extract = partial(mixture_mels, pack=CLIPS / "windows.npy", sample_rate=params.audio.sample_rate, mel=params.mel)
    counts = {split: getattr(params.mixtures, split) for split in SPLITS}
    with fresh_folder("data/layered") as layered:
        for split, count in counts.items():
            parts = draw_recipes(
                index,
                params.instruments,
                split,
                count,
                params.mixtures,
                params.calibration.playing,
                params.data.seed,
            )
            write_table(layered / f"{split}.csv", parts, Part)
            write_mels(
                layered / f"{split}.npy",
                parts_by_mixture(parts),
                extract,
                params.compute,
                f"{split} mixtures",
            )
    return f"{sum(counts.values())} mixtures"


if __name__ == "__main__":
    run_stage("layer_mixtures", layer_mixtures)
