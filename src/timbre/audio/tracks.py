"""Turn the decoded frames of audio tracks into mono blocks of one sample rate.

Clicks, offsets and channels that cancel are repaired at a track's own sample rate, before anything measures levels.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from timbre.audio.repair import mono, without_clicks, without_offset
from timbre.core.errors import AudioError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

BLOCK_SECONDS = 10
MIX_SAMPLES = 1 << 15  # samples that are mixed at once
SAMPLE_RATES = 1_000, 1_000_000  # Hz, lowest and highest: others come from damaged headers
MAX_SAMPLE = 1e6  # full scale at 1: larger values are errors, and their squares overflow float32


def blocks_of(frames: Iterable["AudioFrame"]) -> Iterator[tuple[int, np.ndarray]]:
    """Join consecutive frames of one format: yield sample rates in Hz and float32 blocks `[channels, samples]`.

    Raises:
        AudioError: a value is not finite, or a sample rate is impossible.
    """
    for frame_format, run in groupby(frames, key=_format):
        parts, samples = [], 0
        for frame in run:
            parts.append(frame.to_ndarray())
            samples += frame.samples
            if samples >= BLOCK_SECONDS * frame.sample_rate:
                yield _joined(parts, *frame_format)
                parts, samples = [], 0
        if parts:
            yield _joined(parts, *frame_format)


def _format(frame: "AudioFrame") -> tuple[int, int, bool]:
    """Return a frame's sample rate in Hz, its number of channels, and whether their samples are interleaved."""
    if not SAMPLE_RATES[0] <= frame.sample_rate <= SAMPLE_RATES[1]:
        raise AudioError(f"cannot be read as audio (a sample rate of {frame.sample_rate} Hz)")
    return frame.sample_rate, frame.layout.nb_channels, frame.format.is_packed


def _joined(parts: list[np.ndarray], rate: int, channels: int, is_packed: bool) -> tuple[int, np.ndarray]:
    """Return the sample rate in Hz, and the parts as float32 `[channels, samples]`, full scale at 1."""
    array = np.concatenate(parts, axis=1)
    if is_packed:
        array = array.reshape(-1, channels).T
    block = np.ascontiguousarray(array, np.float32)
    if array.dtype.kind in "iu":
        block *= np.float32(2.0 ** (1 - 8 * array.itemsize))
        block -= array.dtype.kind == "u"
    peak = max(block.max(), -block.min())
    if not np.isfinite(peak):
        raise AudioError("holds values that are not finite")
    return rate, block if peak <= MAX_SAMPLE else block.clip(-MAX_SAMPLE, MAX_SAMPLE)


def resampled(track: Iterator[tuple[int, np.ndarray]], sample_rate: int) -> Iterator[np.ndarray]:
    """Repair and resample a track. If its own sample rate changes, the resampler is restarted there."""
    import soxr

    for rate, run in groupby(track, key=itemgetter(0)):
        blocks = without_offset(block for _, block in run)
        repaired = without_clicks(map(mono, blocks), rate)
        if rate == sample_rate:
            yield from repaired
            continue
        resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
        for block in repaired:
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def mixed(tracks: list[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield the mean of several tracks. Shorter tracks are padded with silence."""
    chunked = [_chunks(track, MIX_SAMPLES) for track in tracks]
    for chunks in zip_longest(*chunked, fillvalue=np.zeros(0, np.float32)):
        total = np.zeros(max(len(chunk) for chunk in chunks), np.float32)
        for chunk in chunks:
            total[: len(chunk)] += chunk
        yield total / np.float32(len(tracks))


def _chunks(blocks: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Yield the samples of blocks in chunks of `length`. The last chunk is shorter."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= length:
            yield rest[:length]
            rest = rest[length:]
    yield rest
