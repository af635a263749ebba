"""Find near-duplicates by their mels: copies, other encodings, other levels, small trims.

A fingerprint is the mel spectrogram from the first to the last loud frame, averaged over 12 equal spans of time and 64
bands. Level and silence around the clip do not change it. A fingerprint also covers the clip without up to a tenth of
its start or end, so that trims of that size are found. Most slower versions are not found. Their names have to tell
(`timbre.dataset.groups`).
"""

from collections.abc import Sequence

import numpy as np

COMPARED_DB = 50.0  # dynamic range that is compared, below the loudest point; the rest is noise
QUIET_DB = 40.0  # frames this far below the loudest are silence around the clip
BANDS = 64
TREBLE = 0.2  # share of the highest bands that is not compared, because encodings and low sample rates lose them
SPANS = 12
CUTS = (  # shares of start and end that are left out
    *((start, 0.0) for start in (0.0, 0.025, 0.05, 0.075, 0.1)),
    *((0.0, end) for end in (0.025, 0.05, 0.075, 0.1)),
)
SHAPE = len(CUTS), SPANS * BANDS
THRESHOLD = 1.0  # dB
OUTLINE = 2, 8  # spans and bands of the outlines, which are compared first: few candidates, and a fast search
ROWS = 256  # fingerprints compared at once


def fingerprint(mel: np.ndarray) -> np.ndarray:
    """Return a clip's fingerprint, float32 `[9, 768]`, one row for each of `CUTS`.

    Values are dB above a floor 50 dB below the loudest point, averaged over a span of time and a few bands.

    Args:
        mel: log mel of the whole clip, `[bands, frames]`, in dB. The first windows of a long clip are enough if all
            clips are cut alike.
    """
    mel = np.asarray(mel, np.float64)
    level = 10 * np.log10(np.sum(10 ** (mel / 10), axis=0))
    loud = np.flatnonzero(level > level.max() - QUIET_DB)
    mel = np.maximum(mel[:, loud[0] : loud[-1] + 1] - mel.max(), -COMPARED_DB) + COMPARED_DB
    bands = _means(mel, 0, mel.shape[0] * (1 - TREBLE), BANDS)
    frames = bands.shape[1]
    cuts = [_means(bands.T, start * frames, (1 - end) * frames, SPANS) for start, end in CUTS]
    return np.stack(cuts).reshape(len(CUTS), -1).astype(np.float32)


def near_duplicates(
    fingerprints: np.ndarray, files: Sequence[str], threshold: float = THRESHOLD
) -> list[tuple[str, str]]:
    """Return the pairs of files that sound the same. Each pair is sorted, and so is the list.

    Two clips are near-duplicates if the whole of one and some cut of the other differ by less than `threshold`.

    Args:
        fingerprints: of the files, float32 `[files, 9, 768]`. Map them into memory if there are many.
        files: names of the files.
        threshold: root mean square difference in dB. At 1 dB, no pair was found among 18,145 pairs of different real
            recordings, 77,224 pairs of rendered notes that differ in pitch or instrument, and 79,800 pairs of rendered
            phrases. Found were 99 to 100 % of copies at another level, at 16 kHz or with noise at -30 dB, 95 % of
            copies as poor MP3, and 82 % of copies that start 50 ms late.
    """
    from scipy.spatial import KDTree

    starts = range(0, max(len(files), 1), ROWS)
    tree = KDTree(np.concatenate([_outline(fingerprints[start : start + ROWS, 0]) for start in starts]))
    reach = 1.001 * threshold * np.sqrt(np.prod(OUTLINE))
    pairs = set()
    for start in starts:
        rows = fingerprints[start : start + ROWS]
        near = tree.query_ball_point(_outline(rows), reach)
        for (row, cut), found in np.ndenumerate(near):
            clip = start + row
            others = [other for other in found if other != clip]
            if not others:
                continue
            distances = np.square(fingerprints[others, 0] - rows[row, cut], dtype=np.float64).mean(1)
            near_others = np.array(others)[distances < threshold**2]
            pairs |= {tuple(sorted((files[clip], files[other]))) for other in near_others}
    return sorted(pairs)


def _outline(fingerprints: np.ndarray) -> np.ndarray:
    """Return the outlines `[…, 16]` of fingerprints `[…, 768]`: means over a few large parts.

    The root mean square difference of two outlines is never more than that of the fingerprints. So a k-d tree of the
    outlines finds all candidates, in time that grows with the number of clips and not with the number of pairs.
    """
    spans, bands = OUTLINE
    *clips, _ = fingerprints.shape
    parts = fingerprints.reshape(*clips, spans, SPANS // spans, bands, BANDS // bands)
    return parts.mean(axis=(-3, -1), dtype=np.float64).reshape(*clips, spans * bands)


def _means(rows: np.ndarray, start: float, end: float, count: int) -> np.ndarray:
    """Return the means of `count` equal spans of the rows from `start` to `end`. Spans may end within a row."""
    edges = np.linspace(start, end, count + 1)
    sums = np.vstack([np.zeros(rows.shape[1]), np.cumsum(rows, axis=0)])
    below = np.minimum(edges.astype(int), len(rows) - 1)
    at_edges = sums[below] + (edges - below)[:, None] * rows[below]
    return np.diff(at_edges, axis=0) / ((end - start) / count)
