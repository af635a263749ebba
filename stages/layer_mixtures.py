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
    total = 0
    with fresh_folder("data/layered") as layered:
        for split in SPLITS:
            parts = draw_recipes(
                index,
                params.instruments,
                split,
                getattr(params.mixtures, split),
                params.mixtures,
                params.calibration.playing,
                params.data.seed,
            )
            mixtures = parts_by_mixture(parts)
            total += len(mixtures)
            write_table(layered / f"{split}.csv", parts, Part)
            write_mels(
                layered / f"{split}.npy",
                mixtures,
                extract,
                params.compute,
                f"{split} mixtures",
            )
    return f"{total} mixtures"


if __name__ == "__main__":
    run_stage("layer_mixtures", layer_mixtures)
