"""What rooms, microphones and recorders do to sound, done to power mels on the batch at almost no cost.

All functions take and give power `[batch, bands, frames]`, where sounds add, and one draw a clip.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import avg_pool1d, interpolate

from timbre.core.params import Audio, Augment, Mel
from timbre.core.rng import generator as numpy_generator
from timbre.features.mel import FLOOR, MelSpectrogram, filter_bank

ACTIVE = 10 ** (-30 / 10)
KNOTS = 6  # of the equaliser's curve
REVERB_SECONDS = (0.1, 1.2)  # until the tail has fallen by 60 dB
REVERB_LEVEL = (0.1, 1.0)  # of the tail's first frame
NOISE_DB = (-65.0, -12.0)  # against the clip's mean power
NOISE_TILT_DB = (-30.0, 10.0)  # from the lowest band to the highest
LOW_PASS = (0.4, 0.95)  # share of the bands that passes
LOW_PASS_DB = 8.0  # further down with each band above
MASKED_BANDS = 0.15  # at most this share
MASKED_FRAMES = 0.12
SHORTEST = 0.15  # of a clip that is left
GRAIN_SECONDS = 60
COMPRESSION = (0.1, 0.7)  # of what a clip's level changes by, how much is taken away
COMPRESSED_DB = 30.0  # below the loudest moment, where a compressor begins
COMPRESSOR_FRAMES = 9  # that its level is the mean of


def steady_noise(audio: Audio, mel: Mel) -> Tensor:
    """A minute of white noise as power mels `[bands, frames]`, mean 1: how what is steady flickers in each band.

    Narrow bands flicker more than wide ones, and overlapping frames alike; a network that has not heard that takes the
    hiss of a recording for something else.
    """
    noise = numpy_generator(0, "steady noise").standard_normal((1, GRAIN_SECONDS * audio.sample_rate), np.float32)
    power = MelSpectrogram(mel, filter_bank(audio.sample_rate, mel))(torch.from_numpy(noise))[0]
    return power / power.mean()


def augment(power: Tensor, grain: Tensor, options: Augment, frame_seconds: float, generator: Generator) -> Tensor:
    """Pass each clip through a room, a compressor, an equaliser, noise, a low-pass filter and masks of its own.

    Args:
        power: `[batch, bands, frames]`.
        grain: `[bands, more frames]`, of `steady_noise`.
        options: shares and levels.
        frame_seconds: from one frame to the next.
        generator: draws all of it, on the device of `power`.
    """

    def draw(clips: Tensor, low: float, high: float, *shape: int) -> Tensor:
        unit = torch.rand(len(clips), *shape or (1, 1), generator=generator, device=power.device)
        return low + (high - low) * unit

    def sometimes(share: float, change: Callable[[Tensor], Tensor]) -> None:
        nonlocal power
        chosen = (draw(power, 0, 1)[:, 0, 0] < share).nonzero()[:, 0]
        power = power.index_copy(0, chosen, change(power[chosen]))

    def grains(clips: Tensor) -> Tensor:
        stretches = grain.unfold(1, clips.shape[2], 1)  # [bands, starts, frames]
        starts = (draw(clips, 0, stretches.shape[1])[:, 0, 0]).long()
        return stretches[:, starts].transpose(0, 1)

    def with_room(clips: Tensor) -> Tensor:
        return reverberate(
            clips, draw(clips, *REVERB_SECONDS), draw(clips, *REVERB_LEVEL), frame_seconds, grains(clips)
        )

    def with_noise(clips: Tensor) -> Tensor:
        return add_noise(clips, draw(clips, *NOISE_DB), draw(clips, *NOISE_TILT_DB), grains(clips))

    sometimes(options.reverb, with_room)
    sometimes(options.compress, lambda x: compress(x, draw(x, *COMPRESSION)))
    power = equalise(power, draw(power, -options.equaliser_db, options.equaliser_db, KNOTS))
    sometimes(options.low_pass, lambda x: low_pass(x, draw(x, *LOW_PASS)))
    sometimes(options.noise, with_noise)
    sometimes(options.mask, lambda x: mask(x, dim=1, width=draw(x, 0, MASKED_BANDS), start=draw(x, 0, 1)))
    sometimes(options.mask, lambda x: mask(x, dim=2, width=draw(x, 0, MASKED_FRAMES), start=draw(x, 0, 1)))
    return power


def crop(mels: Tensor, frames: int, generator: Generator) -> Tensor:
    """Cut `frames` frames from each row of log mels `[rows, bands, all frames]`, its loudest frame among them.

    A drum hit at the start of a padded window would else be cut away, and silence called drums.
    """
    rows, bands, length = mels.shape
    loudest = mels.amax(dim=1).argmax(dim=1, keepdim=True)
    first = (loudest - frames + 1).clamp_min(0)
    last = loudest.clamp_max(length - frames)
    unit = torch.rand(rows, 1, generator=generator, device=mels.device)
    starts = first + ((last - first + 1) * unit).long()
    places = starts + torch.arange(frames, device=mels.device)
    return mels.gather(2, places[:, None, :].expand(-1, bands, -1))


def shorten(power: Tensor, share: float | Tensor, generator: Generator) -> Tensor:
    """Silence a share of the clips but for a stretch that holds the loudest frame: a short note in a long window.

    Of each clip, `[batch, 1]`, the share may be another.
    """
    frames = power.shape[2]
    unit = torch.rand(3, len(power), 1, generator=generator, device=power.device)
    length = frames * (SHORTEST + (1 - SHORTEST) * unit[0])
    first = power.sum(dim=1).argmax(dim=1, keepdim=True) - length * unit[1]
    places = torch.arange(frames, device=power.device)
    kept = (places >= first) & (places < first + length) | (unit[2] >= share)
    return power * kept[:, None, :]


def make_equally_loud(power: Tensor) -> Tensor:
    """Bring the mean power of each clip's active frames, those within 30 dB of its loudest, to 1."""
    frames = power.mean(dim=1, keepdim=True)
    active = frames >= ACTIVE * frames.amax(dim=2, keepdim=True)
    return power / ((frames * active).sum(dim=2, keepdim=True) / active.sum(dim=2, keepdim=True)).clamp_min(FLOOR)


def reverberate(power: Tensor, seconds: Tensor, level: Tensor, frame_seconds: float, grain: Tensor) -> Tensor:
    """Add an exponentially decaying tail: 60 dB down after `seconds`; `level` is that of its first frame.

    `grain` is the random part of the tail, whose many echoes add up as noise does.
    """
    frames = power.shape[2]
    ages = torch.arange(frames, device=power.device)
    ages = ages[None, :] - ages[:, None]  # of frame `row` when frame `column` sounds
    decay = torch.exp(-math.log(1e6) * frame_seconds / seconds * ages.clamp_min(0))
    return power + level * (power @ (decay * (ages > 0))) * grain


def compress(power: Tensor, amount: Tensor) -> Tensor:
    """Bring loud and soft moments nearer, as compressors and limiters over a whole mix do: the loud duck all else."""
    level = power.mean(dim=1, keepdim=True)
    level = avg_pool1d(level, COMPRESSOR_FRAMES, 1, COMPRESSOR_FRAMES // 2, count_include_pad=False)
    loudest = level.amax(dim=2, keepdim=True).clamp_min(FLOOR)
    return power * (level / loudest + 10 ** (-COMPRESSED_DB / 10)) ** -amount


def equalise(power: Tensor, knots_db: Tensor) -> Tensor:
    """Change levels along the bands by a curve through `knots_db` `[batch, knots]`."""
    curve = interpolate(knots_db[:, None], size=power.shape[1], mode="linear", align_corners=True)
    return power * 10 ** (curve[:, 0, :, None] / 10)


def low_pass(power: Tensor, share: Tensor) -> Tensor:
    """Let the lowest `share` of the bands pass, and take the others down steeply."""
    bands = power.shape[1]
    above = torch.arange(bands, device=power.device)[None, :, None] - share * bands
    return power * 10 ** (-LOW_PASS_DB / 10 * above.clamp_min(0))


def add_noise(power: Tensor, level_db: Tensor, tilt_db: Tensor, grain: Tensor) -> Tensor:
    """Add steady coloured noise at a level against the clip's mean; `grain` is its random part, of mean 1."""
    slope = torch.linspace(0, 1, power.shape[1], device=power.device)[None, :, None]
    mean = power.mean(dim=(1, 2), keepdim=True)
    return power + mean * 10 ** ((level_db + tilt_db * slope) / 10) * grain


def mask(power: Tensor, dim: int, width: Tensor, start: Tensor) -> Tensor:
    """Silence a stretch of bands (dim 1) or frames (dim 2); width and start are shares (SpecAugment, 2019)."""
    size = power.shape[dim]
    shape = [1, 1, 1]
    shape[dim] = size
    places = torch.arange(size, device=power.device).view(shape) / size
    first = start * (1 - width)
    return power.masked_fill((places >= first) & (places < first + width), 0.0)
