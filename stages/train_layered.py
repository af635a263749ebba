"""train_layered: train the multi-label network, which predicts the instruments of a mixture."""

from functools import partial
from pathlib import Path

from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Window, read_table
from timbre.features.arrays import open_array
from timbre.features.mixtures import has_solos
from timbre.features.split import joined, load_layered, load_music
from timbre.model.tasks import LAYERED
from timbre.training.calibration import calibrate, choose_thresholds
from timbre.training.config import TrainingConfig
from timbre.training.history import live_history
from timbre.training.mixing import mixed_split
from timbre.training.sampling import sample_fixed, sample_layered
from timbre.training.train import FINE_TUNING_RATE, load_start, train, write_training

MELS = Path("data/mels")
MIXTURES = Path("data/layered")
MODELS = Path("models")


def train_layered(params: Params) -> str:
    """Write models/layered.safetensors and its history."""
    start = load_start(params.start, params.audio, params.mel, params.model) if params.start else None
    windows = read_table(MELS / "train.csv", Window)
    has_parts = params.mixtures.fresh and has_solos(windows)  # the auxiliary losses need the parts of mixtures
    config = TrainingConfig(
        instruments=params.instruments,
        seed=params.seed,
        epochs=params.epochs,
        batch_size=params.batch_size,
        optimizer=params.optimizer,
        learning_rate=params.learning_rate * (FINE_TUNING_RATE if start else 1),
        audio=params.audio,
        mel=params.mel,
        model=params.model,
        augment=params.augment,
        mask_loss=params.mask_loss if has_parts else 0,
        frame_loss=params.frame_loss if has_parts else 0,
    )
    if params.mixtures.fresh:
        pack = open_array(MELS / "train.npy")
        sample_epoch = partial(sample_layered, windows, params.instruments, params.mixtures, params.music)
    else:
        fixed = load_layered(MIXTURES, "train", params.instruments)
        pack, sample_epoch = fixed.mels, partial(sample_fixed, fixed.targets)
    if params.calibration.mixtures:
        clips, mels = read_table(MELS / "validation.csv", Window), open_array(MELS / "validation.npy")
        mixtures = mixed_split(clips, mels, params.mixtures, params.calibration, config)
    else:
        mixtures = load_layered(MIXTURES, "validation", params.instruments)
    validation = joined(mixtures, load_music(MELS, "validation", params.instruments))
    with live_history(MODELS, LAYERED) as on_epoch:
        network, history = train(LAYERED, pack, sample_epoch, validation, config, params.compute, start, on_epoch)
        calibrate(network, LAYERED, validation)
        thresholds = choose_thresholds(network, validation, params.threshold)
        return write_training(MODELS, LAYERED, network, history, config, thresholds)


if __name__ == "__main__":
    run_stage("train_layered", train_layered)
