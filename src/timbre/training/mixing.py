"""Mixing of training examples: cut the parts, make them equally loud, and add their power mels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Generator, Tensor

from timbre.core.params import Calibration, Mixtures
from timbre.core.rng import generator
from timbre.core.tables import Window
from timbre.features.mel import db_to_power, power_to_db
from timbre.features.mixtures import has_solos
from timbre.features.split import Split
from timbre.training.augment import augment, crop, make_equally_loud, shorten, steady_noise
from timbre.training.config import TrainingConfig
from timbre.training.sampling import MUSIC_CLASS, sample_mixtures

MIXTURES_PER_BATCH = 64


def cut_parts(
    pack: np.ndarray,
    rows: np.ndarray,
    gains_db: np.ndarray,
    config: TrainingConfig,
    noise: Generator,
    classes: np.ndarray | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the parts of some clips out of the pack.

    Each part is cropped, maybe shortened, and made equally loud before its gain is applied. Labelled music is never
    shortened, because that could remove an instrument that its label says is present.

    Args:
        pack: Log mels `[all rows, bands, frames]`, dB.
        rows: Row of the pack for each part, int `[clips, columns]`.
        gains_db: Level of each part, `[clips, columns]`. Minus infinity: no part.
        config: Has the length of the crop and the probability of shortening.
        noise: Random generator. Its device is that of the result.
        classes: Class of each column, int `[columns]`, see `EpochSample`.

    Returns:
        The clip of each part `[parts]`, its column `[parts]`, and its power `[parts, bands, frames]`.
    """
    clips, columns = np.nonzero(np.isfinite(gains_db))
    mels = torch.from_numpy(pack[rows[clips, columns]]).to(noise.device).float()
    frames = min(round(config.augment.crop / config.frame_seconds), mels.shape[2])
    probability: float | Tensor = config.augment.shorten
    if classes is not None:
        probability = probability * torch.from_numpy(classes[columns] != MUSIC_CLASS).to(mels)[:, None]
    power = make_equally_loud(shorten(db_to_power(crop(mels, frames, noise)), probability, noise))
    gains = torch.from_numpy(10 ** (gains_db[clips, columns] / 10)).to(power)
    clip_of_part, column_of_part = (torch.from_numpy(index).to(noise.device) for index in (clips, columns))
    return clip_of_part, column_of_part, power * gains[:, None, None]


def add_up(parts: Tensor, clips: Tensor, size: int) -> Tensor:
    """Add the parts of each of `size` clips: power `[size, bands, frames]`."""
    return parts.new_zeros(size, *parts.shape[1:]).index_add_(0, clips, parts)


def mixed_split(
    windows: Sequence[Window], pack: np.ndarray, mixtures: Mixtures, calibration: Calibration, config: TrainingConfig
) -> Split:
    """Draw augmented mixtures of a split's clips, as in training, but uncropped and with the priors of calibration.

    Returns an empty split if no clip has one instrument alone.

    Args:
        windows: Rows of the split's table.
        pack: Log mels of these windows `[rows, bands, frames]`, dB.
        mixtures: Levels, and the fraction of mixtures with other instruments.
        calibration: Number of mixtures, and the probability of each instrument.
        config: Augmentation and seed.
    """
    number = calibration.mixtures if has_solos(windows) else 0
    options = mixtures.model_copy(update={"fresh": number, "playing": calibration.playing})
    sample = sample_mixtures(windows, config.instruments, options, generator(config.seed, "calibration"))
    noise = Generator().manual_seed(int(generator(config.seed, "calibration", "augment").integers(2**31)))
    config = replace(config, augment=config.augment.model_copy(update={"crop": config.audio.window}))
    grain = steady_noise(config.audio, config.mel)
    mels = []
    for start in range(0, len(sample.rows), MIXTURES_PER_BATCH):
        batch = slice(start, start + MIXTURES_PER_BATCH)
        clips, _, parts = cut_parts(pack, sample.rows[batch], sample.gains_db[batch], config, noise)
        power = add_up(parts, clips, len(sample.rows[batch]))
        augmented = augment(power, grain, config.augment, config.frame_seconds, noise)
        mels.append(power_to_db(augmented).numpy().astype(np.float16))
    names = [f"mixture {number}" for number in range(len(sample.rows))]
    packed = np.concatenate(mels) if mels else np.empty((0, 0, 0), np.float16)
    return Split(packed, np.arange(len(names)), sample.targets, names, config.instruments)
