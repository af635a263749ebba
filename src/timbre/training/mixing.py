"""From what an epoch hears to power mels: parts are cut, made equally loud, and added up."""

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
from timbre.training.sampling import WHOLE, sample_mixtures

BATCH = 64


def cut_parts(
    pack: np.ndarray,
    rows: np.ndarray,
    gains_db: np.ndarray,
    config: TrainingConfig,
    noise: Generator,
    classes: np.ndarray | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the parts of some clips: the clip of each `[parts]`, its place there, and power `[parts, bands, frames]`.

    Each part is cropped, maybe shortened, and made equally loud before its gain. Music as a whole is never shortened:
    what is known to play in it would be cut away.

    Args:
        pack: log mels `[all rows, bands, frames]`, dB.
        rows: int `[clips, places]`.
        gains_db: `[clips, places]`, minus infinity where a place is empty.
        config: for the length of the crop and the share that is shortened.
        noise: draws where each part is cut.
        classes: int `[places]`, as in `EpochSample`.
    """
    clips, slots = np.nonzero(np.isfinite(gains_db))
    mels = torch.from_numpy(pack[rows[clips, slots]]).to(noise.device).float()
    frames = min(round(config.augment.crop / config.frame_seconds), mels.shape[2])
    share: float | Tensor = config.augment.shorten
    if classes is not None:
        share = share * torch.from_numpy(classes[slots] != WHOLE).to(mels)[:, None]
    power = make_equally_loud(shorten(db_to_power(crop(mels, frames, noise)), share, noise))
    gains = torch.from_numpy(10 ** (gains_db[clips, slots] / 10)).to(power)
    return _on(noise, clips), _on(noise, slots), power * gains[:, None, None]


def _on(noise: Generator, index: np.ndarray) -> Tensor:
    return torch.from_numpy(index).to(noise.device)


def add_up(parts: Tensor, clips: Tensor, size: int) -> Tensor:
    """Add the parts of `size` clips: power `[size, bands, frames]`."""
    return parts.new_zeros(size, *parts.shape[1:]).index_add_(0, clips, parts)


def mixed_split(
    windows: Sequence[Window], pack: np.ndarray, mixtures: Mixtures, calibration: Calibration, config: TrainingConfig
) -> Split:
    """Mixtures of a split's clips, drawn and worn as those of training, but as calibration wants them, and whole.

    None where no clip is of one instrument alone.

    Args:
        windows: the rows of the split's table.
        pack: their log mels `[rows, bands, frames]`, dB.
        mixtures: levels, and the share with other instruments.
        calibration: how many are drawn, and who plays.
        config: how they are worn, and the seed.
    """
    number = calibration.mixtures if has_solos(windows) else 0
    options = mixtures.model_copy(update={"fresh": number, "playing": calibration.playing})
    sample = sample_mixtures(windows, config.instruments, options, generator(config.seed, "calibration"))
    noise = Generator().manual_seed(int(generator(config.seed, "calibration", "augment").integers(2**31)))
    config = replace(config, augment=config.augment.model_copy(update={"crop": config.audio.window}))
    grain = steady_noise(config.audio, config.mel)
    mels = []
    for start in range(0, len(sample.rows), BATCH):
        batch = slice(start, start + BATCH)
        clips, _, parts = cut_parts(pack, sample.rows[batch], sample.gains_db[batch], config, noise)
        power = add_up(parts, clips, len(sample.rows[batch]))
        worn = augment(power, grain, config.augment, config.frame_seconds, noise)
        mels.append(power_to_db(worn).numpy().astype(np.float16))
    names = [f"mixture {number}" for number in range(len(sample.rows))]
    packed = np.concatenate(mels) if mels else np.empty((0, 0, 0), np.float16)
    return Split(packed, np.arange(len(names)), sample.targets, names, config.instruments)
