"""Augmentation: effects of rooms, microphones and recorders, applied to the power mels of a batch at almost no cost.

All functions take and return power `[batch, bands, frames]`, because powers of different sounds add up. Each clip gets
its own random values.
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
from timbre.features.mixtures import ACTIVE

EQUALISER_KNOTS = 6  # points of the equaliser's curve
REVERB_SECONDS = (0.1, 1.2)  # time in which the tail decays by 60 dB
REVERB_LEVEL = (0.1, 1.0)  # level of the tail's first frame
NOISE_DB = (-65.0, -12.0)  # relative to the clip's mean power
NOISE_TILT_DB = (-30.0, 10.0)  # difference between the highest band and the lowest
LOW_PASS = (0.4, 0.95)  # fraction of the bands that pass
LOW_PASS_DB = 8.0  # attenuation per band above these
MASKED_BANDS = 0.15  # largest fraction that a mask silences
MASKED_FRAMES = 0.12
SHORTEST = 0.15  # smallest fraction of a clip that `shorten` keeps
NOISE_SECONDS = 60
COMPRESSION = (0.1, 0.7)  # fraction of the level changes that compression removes
COMPRESSED_DB = 30.0  # levels down to this below the loudest are compressed
COMPRESSOR_FRAMES = 9  # frames over which the compressor averages the level


def steady_noise(audio: Audio, mel: Mel) -> Tensor:
    """Return a minute of white noise as power mels `[bands, frames]` with mean 1.

    Steady noise fluctuates: more in narrow bands than in wide ones, and similarly in overlapping frames. A network
    trained without these fluctuations takes the hiss of a recording for something else.
    """
    noise = numpy_generator(0, "steady noise").standard_normal((1, NOISE_SECONDS * audio.sample_rate), np.float32)
    power = MelSpectrogram(mel, filter_bank(audio.sample_rate, mel))(torch.from_numpy(noise))[0]
    return power / power.mean()


def augment(power: Tensor, grain: Tensor, options: Augment, frame_seconds: float, generator: Generator) -> Tensor:
    """Augment each clip: reverberation, compression, equaliser, low-pass filter, noise and masks.

    Args:
        power: `[batch, bands, frames]`.
        grain: Output of `steady_noise`, `[bands, more frames]`.
        options: Fraction of the clips that gets each effect, and levels.
        frame_seconds: Seconds from one frame to the next.
        generator: Random generator on the device of `power`.
    """

    def draw(clips: Tensor, low: float, high: float, *shape: int) -> Tensor:
        unit = torch.rand(len(clips), *shape or (1, 1), generator=generator, device=power.device)
        return low + (high - low) * unit

    def sometimes(fraction: float, change: Callable[[Tensor], Tensor]) -> None:
        nonlocal power
        chosen = (draw(power, 0, 1)[:, 0, 0] < fraction).nonzero()[:, 0]
        power = power.index_copy(0, chosen, change(power[chosen]))

    def grains(clips: Tensor) -> Tensor:
        excerpts = grain.unfold(1, clips.shape[2], 1)  # [bands, starts, frames]
        starts = (draw(clips, 0, excerpts.shape[1])[:, 0, 0]).long()
        return excerpts[:, starts].transpose(0, 1)

    def with_room(clips: Tensor) -> Tensor:
        return reverberate(
            clips, draw(clips, *REVERB_SECONDS), draw(clips, *REVERB_LEVEL), frame_seconds, grains(clips)
        )

    def with_noise(clips: Tensor) -> Tensor:
        return add_noise(clips, draw(clips, *NOISE_DB), draw(clips, *NOISE_TILT_DB), grains(clips))

    sometimes(options.reverb, with_room)
    sometimes(options.compress, lambda x: compress(x, draw(x, *COMPRESSION)))
    power = equalise(power, draw(power, -options.equaliser_db, options.equaliser_db, EQUALISER_KNOTS))
    sometimes(options.low_pass, lambda x: low_pass(x, draw(x, *LOW_PASS)))
    sometimes(options.noise, with_noise)
    sometimes(options.mask, lambda x: mask(x, dim=1, width=draw(x, 0, MASKED_BANDS), start=draw(x, 0, 1)))
    sometimes(options.mask, lambda x: mask(x, dim=2, width=draw(x, 0, MASKED_FRAMES), start=draw(x, 0, 1)))
    return power


def crop(mels: Tensor, frames: int, generator: Generator) -> Tensor:
    """Cut `frames` frames, including the loudest, from each row of log mels `[rows, bands, all frames]`.

    Otherwise the crop could miss a drum hit at the start of a padded window, and silence would be labelled drums.
    """
    rows, bands, length = mels.shape
    loudest = mels.amax(dim=1).argmax(dim=1, keepdim=True)
    first = (loudest - frames + 1).clamp_min(0)
    last = loudest.clamp_max(length - frames)
    unit = torch.rand(rows, 1, generator=generator, device=mels.device)
    starts = first + ((last - first + 1) * unit).long()
    kept = starts + torch.arange(frames, device=mels.device)
    return mels.gather(2, kept[:, None, :].expand(-1, bands, -1))


def shorten(power: Tensor, probability: float | Tensor, generator: Generator) -> Tensor:
    """Turn some clips into short notes: keep a few frames around the loudest one and silence the rest.

    `probability` is one number, or one per clip `[batch, 1]`.
    """
    frames = power.shape[2]
    unit = torch.rand(3, len(power), 1, generator=generator, device=power.device)
    length = frames * (SHORTEST + (1 - SHORTEST) * unit[0])
    first = power.sum(dim=1).argmax(dim=1, keepdim=True) - length * unit[1]
    index = torch.arange(frames, device=power.device)
    kept = (index >= first) & (index < first + length) | (unit[2] >= probability)
    return power * kept[:, None, :]


def make_equally_loud(power: Tensor) -> Tensor:
    """Scale each clip so that its active frames have a mean power of 1. Active: within 30 dB of its loudest frame."""
    frames = power.mean(dim=1, keepdim=True)
    active = frames >= ACTIVE * frames.amax(dim=2, keepdim=True)
    return power / ((frames * active).sum(dim=2, keepdim=True) / active.sum(dim=2, keepdim=True)).clamp_min(FLOOR)


def reverberate(power: Tensor, seconds: Tensor, level: Tensor, frame_seconds: float, grain: Tensor) -> Tensor:
    """Add an exponentially decaying tail that starts at `level` and falls by 60 dB in `seconds`.

    Its many echoes add up like noise, so the tail is multiplied by `grain`, an excerpt of `steady_noise` for each clip.
    """
    frames = power.shape[2]
    ages = torch.arange(frames, device=power.device)
    ages = ages[None, :] - ages[:, None]  # frames from frame `row` to frame `column`
    decay = torch.exp(-math.log(1e6) * frame_seconds / seconds * ages.clamp_min(0))
    return power + level * (power @ (decay * (ages > 0))) * grain


def compress(power: Tensor, amount: Tensor) -> Tensor:
    """Reduce level changes over time by `amount`, in all bands alike, like a compressor or limiter on a whole mix."""
    level = power.mean(dim=1, keepdim=True)
    level = avg_pool1d(level, COMPRESSOR_FRAMES, 1, COMPRESSOR_FRAMES // 2, count_include_pad=False)
    loudest = level.amax(dim=2, keepdim=True).clamp_min(FLOOR)
    return power * (level / loudest + 10 ** (-COMPRESSED_DB / 10)) ** -amount


def equalise(power: Tensor, knots_db: Tensor) -> Tensor:
    """Change the level of each band by a curve through the points `knots_db` `[batch, knots]`."""
    curve = interpolate(knots_db[:, None], size=power.shape[1], mode="linear", align_corners=True)
    return power * 10 ** (curve[:, 0, :, None] / 10)


def low_pass(power: Tensor, fraction: Tensor) -> Tensor:
    """Keep the lowest `fraction` of the bands and attenuate the others steeply."""
    bands = power.shape[1]
    above = torch.arange(bands, device=power.device)[None, :, None] - fraction * bands
    return power * 10 ** (-LOW_PASS_DB / 10 * above.clamp_min(0))


def add_noise(power: Tensor, level_db: Tensor, tilt_db: Tensor, grain: Tensor) -> Tensor:
    """Add steady coloured noise at a level relative to the clip's mean power.

    `grain` is an excerpt of `steady_noise` for each clip. `tilt_db` is the highest band's level minus the lowest's.
    """
    slope = torch.linspace(0, 1, power.shape[1], device=power.device)[None, :, None]
    mean = power.mean(dim=(1, 2), keepdim=True)
    return power + mean * 10 ** ((level_db + tilt_db * slope) / 10) * grain


def mask(power: Tensor, dim: int, width: Tensor, start: Tensor) -> Tensor:
    """Silence adjacent bands (dim 1) or frames (dim 2): SpecAugment (Park et al., 2019).

    `width` is a fraction of the size. `start` is a fraction of the remaining size.
    """
    size = power.shape[dim]
    shape = [1, 1, 1]
    shape[dim] = size
    position = torch.arange(size, device=power.device).view(shape) / size
    first = start * (1 - width)
    return power.masked_fill((position >= first) & (position < first + width), 0.0)
