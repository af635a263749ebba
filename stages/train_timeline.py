"""train_timeline: train the timeline network, which predicts when each instrument plays.

It learns from synthetic songs and uses the features of the layered network.
"""

from functools import partial
from pathlib import Path

from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import SongPiece, Window, pieces_by_song, read_table
from timbre.features.arrays import open_array
from timbre.features.mixtures import MAX_OTHERS
from timbre.features.synthetic_songs import SongOptions, arrange
from timbre.model.checkpoint import load_model, save_untrained
from timbre.timeline.train import centre, train_timeline_network, write_timeline
from timbre.timeline.training_data import timeline_data
from timbre.training.fabric import on_own_cores

CLIPS = Path("data/clips")
LAYERED, TIMELINE = Path("models/layered.safetensors"), Path("models/timeline.safetensors")


def train_timeline(params: Params) -> str:
    """Write models/timeline.safetensors. Without clips of one instrument alone, write a placeholder."""
    windows, pack = read_table(CLIPS / "index.csv", Window), open_array(CLIPS / "windows.npy")
    seconds = params.timeline.seconds

    def songs(split: str, count: int) -> list[list[SongPiece]]:
        options = SongOptions(
            params.instruments, count, seconds, params.audio.window, params.mixtures, params.seed, MAX_OTHERS
        )
        return pieces_by_song(arrange(windows, split, options))

    train, validation = songs("train", params.timeline.train), songs("validation", params.timeline.validation)
    if not train or not validation:
        save_untrained(TIMELINE)
        return "skipped: no clip has one instrument alone"
    layered = load_model(LAYERED)
    data = partial(timeline_data, pack=pack, layered=layered, options=params.augment, seconds=seconds)
    with on_own_cores(params.compute.threads):
        network = train_timeline_network(data(train, split="train", seed=params.seed), params.model, params.seed)
        f1 = centre(network, data(validation, split="validation", seed=params.seed))
    write_timeline(TIMELINE, network, layered)
    return f"{len(train)} songs of {seconds:g} s, validation F1 {f1:.3f}"


if __name__ == "__main__":
    run_stage("train_timeline", train_timeline)
