"""Windows of one length: cut from a stream, told from silence, limited, packed."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from timbre.core.errors import AudioError

SILENCE = 5e-4  # level of a window, full scale at 1: −66 dB
QUIET = 1e-2  # level of a window, of the loudest window of its file: −40 dB
BLOCKS_PER_SECOND = 100
LOUDEST = 3  # of these blocks, the one whose level counts: what is shorter than 10 ms lies in two at most
STEADY = 10  # likewise, where samples lie beyond full scale: a codec makes 50 ms of a single sample
CREST = 8.0  # times the level: where samples lie beyond full scale, no sound has higher peaks


def cut(blocks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Cut blocks into consecutive windows of `length` samples.

    The rest at the end is padded with zeros and kept if it fills half a window, or is all there is.
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
    """How loud pieces of windows are: float32 `[windows, pieces]`, full scale at 1.

    The root mean square of the third loudest 10 ms of a piece: a click, however loud, is not as long.

    Args:
        windows: float32 `[windows, samples]`.
        sample_rate: in Hz.
        pieces: into how many a window is cut.
        loudest: which of the loudest 10 ms.
    """
    samples = windows.shape[1]
    blocks = max(1, round(samples * BLOCKS_PER_SECOND / (sample_rate * pieces)))
    starts = np.arange(pieces * blocks) * samples // (pieces * blocks)
    power = np.add.reduceat(np.square(windows), starts, axis=1) / (samples / len(starts))
    rank = max(0, blocks - loudest)
    return np.sqrt(np.partition(power.reshape(len(windows), pieces, blocks), rank, axis=2)[..., rank])


def limited(windows: np.ndarray, sample_rate: int) -> np.ndarray:
    """Windows `[windows, samples]` at a rate in Hz, without what lies beyond full scale by mistake.

    A file may be louder than full scale as a whole: it is left so.
    """
    if np.abs(windows).max(initial=0) <= 1:
        return windows
    bounds = np.maximum(1, CREST * levels(windows, sample_rate, loudest=STEADY))
    return np.clip(windows, -bounds, bounds)


def audible(levels: Sequence[float]) -> np.ndarray:
    """Tell from the levels of a file's windows which hold more than its noise, bool `[windows]`.

    Raises:
        AudioError: there is none.
    """
    if not len(levels):
        raise AudioError("is empty")
    if max(levels) < SILENCE:
        raise AudioError("is silent")
    return np.array(levels) >= QUIET * max(levels)
