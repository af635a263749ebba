"""Cut audio into windows of one length, measure their levels, and tell sound from silence."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from timbre.core.errors import AudioError

SILENCE = 5e-4  # level below which a file is silent, full scale at 1: -66 dB
QUIET = 1e-2  # level below which a window is left out, relative to the file's loudest window: -40 dB
BLOCKS_PER_SECOND = 100
LOUDEST = 3  # a level is that of the third loudest block: a click of under 10 ms is in at most two blocks
STEADY = 10  # the same for samples beyond full scale, since a codec smears one sample over 50 ms
CREST = 8.0  # highest ratio of peak to level that samples beyond full scale may have


def cut(blocks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Cut blocks into consecutive windows of `length` samples.

    The rest at the end is padded with zeros. It is kept if it fills half a window, or if there is no other window.
    """
    rest = np.zeros(0, np.float32)
    first = True
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= length:
            yield rest[:length]
            rest, first = rest[length:], False
    if len(rest) and (first or 2 * len(rest) >= length):
        yield np.pad(rest, (0, length - len(rest)))


def levels(windows: np.ndarray, sample_rate: int, pieces: int = 1, loudest: int = LOUDEST) -> np.ndarray:
    """Return the levels of equal pieces of windows, float32 `[windows, pieces]`, full scale at 1.

    A level is the root mean square of the third loudest 10 ms of a piece. No click is as long as that.

    Args:
        windows: float32 `[windows, samples]`.
        sample_rate: of the windows, in Hz.
        pieces: number of pieces per window.
        loudest: rank of the 10 ms block that counts, 1 for the loudest.
    """
    samples = windows.shape[1]
    blocks = max(1, round(samples * BLOCKS_PER_SECOND / (sample_rate * pieces)))
    starts = np.arange(pieces * blocks) * samples // (pieces * blocks)
    power = np.add.reduceat(np.square(windows), starts, axis=1) / (samples / len(starts))
    rank = max(0, blocks - loudest)
    return np.sqrt(np.partition(power.reshape(len(windows), pieces, blocks), rank, axis=2)[..., rank])


def limited(windows: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return windows with faulty samples beyond full scale limited to `CREST` times the level.

    A file that is louder than full scale as a whole is not changed.

    Args:
        windows: float32 `[windows, samples]`.
        sample_rate: of the windows, in Hz.
    """
    if np.abs(windows).max(initial=0) <= 1:
        return windows
    bounds = np.maximum(1, CREST * levels(windows, sample_rate, loudest=STEADY))
    return np.clip(windows, -bounds, bounds)


def audible(levels: Sequence[float]) -> np.ndarray:
    """Return which windows of a file contain more than its noise, bool `[windows]`, given their levels.

    Raises:
        AudioError: the file is empty or silent.
    """
    if not len(levels):
        raise AudioError("is empty")
    if max(levels) < SILENCE:
        raise AudioError("is silent")
    return np.array(levels) >= QUIET * max(levels)
