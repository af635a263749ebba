"""What a recorder, a cable or an encoder did to a waveform, taken out; sound without such faults stays as it is."""

from collections.abc import Iterable, Iterator

import numpy as np

from timbre.audio.windows import SILENCE

OFFSET = 0.1  # of the root mean square: a smaller constant does no harm
OPPOSED = -0.5  # correlation with the loudest channel, from which on a channel is turned round
FULL_SCALE = 1.0  # what lies beyond it is no sound at all
CLICK = 10.0  # times all that is around it: 20 dB
CELLS_PER_SECOND = 1500  # a click lies in one or two such cells, of 0.7 ms
REACH = 8  # cells on either side that are compared: 5 ms


def without_offset(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Take the constant out of blocks `[channels, frames]`, as the first of them that is not silent has it."""
    offset = None
    for block in blocks:
        if offset is None and block.any():
            offset = np.array([offset_of(channel) for channel in block], np.float32)[:, None]
        yield block if offset is None or not offset.any() else block - offset


def offset_of(channel: np.ndarray) -> float:
    """The constant in a waveform, or 0 where it has none to speak of.

    The smaller of mean and median: the mean of a thump that dies away is no constant, nor is the median of a wave that
    is steeper on one side.
    """
    bound = OFFSET * float(np.sqrt(np.dot(channel, channel) / len(channel)))
    mean = float(channel.mean())
    if abs(mean) < bound:
        return 0.0  # as of nearly all sound; the median is slow
    offset = min(mean, float(np.median(channel)), key=abs)
    return offset if abs(offset) >= bound else 0.0


def mono(block: np.ndarray) -> np.ndarray:
    """The mean of channels `[channels, frames]`, those turned round first that would cancel the loudest."""
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
    """Bring single samples that stand far above all around them down to that; blocks of another size come out.

    A drum's beginning is no click: it goes on being loud, or would where the file ends. Nor is what stands in silence.
    """
    cell = max(1, round(rate / CELLS_PER_SECOND))
    around = REACH * cell
    held = np.zeros(around, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        end = (len(held) - around) // cell * cell
        if end > around:
            yield _mended(held[: end + around], cell)[around:end]
            held = held[end - around :]
    left = len(held)
    padded = np.pad(held, (0, around + -left % cell))
    yield np.concatenate([_mended(padded, cell)[around : left - around], held[max(around, left - around) :]])


def _mended(samples: np.ndarray, cell: int) -> np.ndarray:
    """Samples, as many as fill cells, with clicks limited to what is around them, or bridged beyond full scale."""
    cells = np.maximum.reduceat(np.abs(samples), np.arange(0, len(samples), cell))
    padded = np.pad(cells, REACH)
    count = len(cells)
    others = [step for step in range(-REACH, REACH + 1) if abs(step) > 1]
    around = np.maximum.reduce([padded[REACH + step : REACH + step + count] for step in others])
    clicks = np.flatnonzero(cells > CLICK * np.maximum(around, SILENCE))
    if not len(clicks):
        return samples
    cut = samples.reshape(-1, cell).copy()
    limits = around[clicks, None]
    beyond = np.zeros(cut.shape, bool)
    beyond[clicks] = np.abs(cut[clicks]) > FULL_SCALE
    cut[clicks] = cut[clicks].clip(-limits, limits)
    mended = cut.ravel()
    faulty, whole = np.flatnonzero(beyond), np.flatnonzero(~beyond.ravel())
    mended[faulty] = np.interp(faulty, whole, mended[whole])
    return mended
