"""Repair faults of recorders, cables and encoders in a waveform. Audio without these faults is not changed."""

from collections.abc import Iterable, Iterator

import numpy as np

from timbre.audio.windows import SILENCE

OFFSET = 0.1  # share of the root mean square: smaller offsets do no harm and stay
OPPOSED = -0.5  # correlation with the loudest channel below which a channel is inverted
FULL_SCALE = 1.0
CLICK = 10.0  # times the peak around it, or `SILENCE` if that is louder: 20 dB
CELLS_PER_SECOND = 1500  # cells of 0.7 ms; a click is in one or two of them
REACH = 8  # cells on either side that a cell is compared with: 5 ms


def without_offset(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Remove a constant offset from blocks `[channels, samples]`, measured in the first block that is not silent."""
    offset = None
    for block in blocks:
        if offset is None and block.any():
            offset = np.array([offset_of(channel) for channel in block], np.float32)[:, None]
        yield block if offset is None or not offset.any() else block - offset


def offset_of(channel: np.ndarray) -> float:
    """Return the constant offset of a waveform `[samples]`, 0 if it is too small to matter.

    This is the smaller of mean and median. A decaying thump has a mean but no offset, and an asymmetric wave has a
    median but no offset.
    """
    bound = OFFSET * float(np.sqrt(np.dot(channel, channel) / len(channel)))
    mean = float(channel.mean())
    if abs(mean) < bound:
        return 0.0  # true of nearly all audio, and saves computing the slow median
    offset = min(mean, float(np.median(channel)), key=abs)
    return offset if abs(offset) >= bound else 0.0


def mono(block: np.ndarray) -> np.ndarray:
    """Return the mean of channels `[channels, samples]`. Channels that would cancel the loudest are inverted first."""
    total = block[0].copy()
    if len(block) > 1:
        products = block @ block.T
        power = products.diagonal()
        loudest = power.argmax()
        signs = np.where(products[loudest] < OPPOSED * np.sqrt(power * power[loudest]), -1, 1)
        total *= signs[0]
        for sign, channel in zip(signs[1:], block[1:], strict=True):
            total += channel if sign > 0 else -channel
    return total / np.float32(len(block))


def without_clicks(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Limit single samples that are far louder than everything around them. Yield blocks of other lengths.

    The start of a drum hit is not a click, because the sound after it is loud too. A sample in silence or at the end
    of the file is not taken for a click either, because it may be the start of a hit.

    Args:
        blocks: float32 `[samples]`, full scale at 1.
        rate: sample rate in Hz.
    """
    cell = max(1, round(rate / CELLS_PER_SECOND))
    margin = REACH * cell
    pending = np.zeros(margin, np.float32)
    for block in blocks:
        pending = np.concatenate([pending, block])
        end = (len(pending) - margin) // cell * cell
        if end > margin:
            yield _limit_clicks(pending[: end + margin], cell)[margin:end]
            pending = pending[end - margin :]
    count = len(pending)
    padded = np.pad(pending, (0, margin + -count % cell))
    yield np.concatenate([_limit_clicks(padded, cell)[margin : count - margin], pending[max(margin, count - margin) :]])


def _limit_clicks(samples: np.ndarray, cell: int) -> np.ndarray:
    """Return samples with clicks limited to the peak around them. Samples beyond full scale are interpolated.

    Args:
        samples: float32, a whole number of cells.
        cell: length of a cell in samples.
    """
    cells = np.maximum.reduceat(np.abs(samples), np.arange(0, len(samples), cell))
    padded = np.pad(cells, REACH)
    count = len(cells)
    steps = [step for step in range(-REACH, REACH + 1) if abs(step) > 1]
    around = np.maximum.reduce([padded[REACH + step : REACH + step + count] for step in steps])
    clicks = np.flatnonzero(cells > CLICK * np.maximum(around, SILENCE))
    if not len(clicks):
        return samples
    by_cell = samples.reshape(-1, cell).copy()
    limits = around[clicks, None]
    is_beyond = np.zeros(by_cell.shape, bool)
    is_beyond[clicks] = np.abs(by_cell[clicks]) > FULL_SCALE
    by_cell[clicks] = by_cell[clicks].clip(-limits, limits)
    repaired = by_cell.ravel()
    faulty, good = np.flatnonzero(is_beyond), np.flatnonzero(~is_beyond.ravel())
    repaired[faulty] = np.interp(faulty, good, repaired[good])
    return repaired
