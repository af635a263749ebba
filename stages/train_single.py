"""train_single: train the single-label network, which predicts the one instrument of a clip.

It is initialised from the layered network, unless the param `transfer` is 0.
"""

from functools import partial
from pathlib import Path

from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Window, read_table
from timbre.features.arrays import open_array
from timbre.features.mixtures import has_solos
from timbre.features.split import load_single
from timbre.model.checkpoint import load_model
from timbre.model.tasks import SINGLE
from timbre.training.calibration import calibrate
from timbre.training.config import TrainingConfig
from timbre.training.history import live_history
from timbre.training.sampling import sample_single
from timbre.training.train import train, write_training, write_untrained

MELS = Path("data/mels")
MODELS = Path("models")


def train_single(params: Params) -> str:
    """Write models/single.safetensors and its history. Without clips of one instrument alone, write placeholders."""
    windows = read_table(MELS / "train.csv", Window)
    if not has_solos(windows):
        write_untrained(MODELS, SINGLE)
        return "skipped: no clip has one instrument alone"
    config = TrainingConfig(
        instruments=params.instruments,
        seed=params.seed,
        epochs=params.epochs,
        batch_size=params.batch_size,
        optimizer=params.optimizer,
        learning_rate=params.learning_rate * (params.transfer or 1),
        audio=params.audio,
        mel=params.mel,
        model=params.model,
        augment=params.augment,
    )
    sample_epoch = partial(sample_single, windows, params.instruments, params.repeats)
    pack = open_array(MELS / "train.npy")
    validation = load_single(MELS, "validation", params.instruments)
    start = load_model(MODELS / "layered.safetensors").network if params.transfer else None
    with live_history(MODELS, SINGLE) as on_epoch:
        network, history = train(SINGLE, pack, sample_epoch, validation, config, params.compute, start, on_epoch)
        calibrate(network, SINGLE, validation)
        return write_training(MODELS, SINGLE, network, history, config)


if __name__ == "__main__":
    run_stage("train_single", train_single)
