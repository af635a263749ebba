"""layer_mixtures: draw mixtures of instruments within each split, and extract their mels."""

from functools import partial
from pathlib import Path

from timbre.core.files import fresh_folder
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import SPLITS, Part, Window, parts_by_mixture, read_table, write_table
from timbre.features.extraction import write_mels
from timbre.features.mixtures import RecipeOptions, draw_recipes, mixture_mels

CLIPS = Path("data/clips")


def layer_mixtures(params: Params) -> str:
    """Write data/layered: for each split, a table of recipes and the packed mels of the mixtures."""
    index = read_table(CLIPS / "index.csv", Window)
    extract = partial(mixture_mels, pack=CLIPS / "windows.npy", sample_rate=params.audio.sample_rate, mel=params.mel)
    options = RecipeOptions(
        instruments=params.instruments,
        mixtures=params.mixtures,
        playing=params.calibration.playing,
        seed=params.data.seed,
    )
    total = 0
    with fresh_folder("data/layered") as layered:
        for split in SPLITS:
            parts = draw_recipes(index, split, options)
            mixtures = parts_by_mixture(parts)
            total += len(mixtures)
            write_table(layered / f"{split}.csv", parts, Part)
            write_mels(layered / f"{split}.npy", mixtures, extract, params.compute, f"{split} mixtures")
    return f"{total} mixtures"


if __name__ == "__main__":
    run_stage("layer_mixtures", layer_mixtures)
