"""Choose between which probabilities an answer is unsure, so that the other answers are right often enough.

Method: learn then test (Angelopoulos and others, "Learn then Test: Calibrating Predictive Algorithms to Achieve Risk
Control", 2021). Thresholds are tested from the strictest to the loosest, from several starts, each with its part of the
allowed error (fixed sequence testing; Bauer, 1991). A threshold passes if a lower confidence bound of the share of
right answers reaches the level. The bound is that of Clopper and Pearson (1934), which is exact for any number of
clips. Clips of one source are alike, so they count as fewer clips if the sources differ (Korn and Graubard, 1998).
"""

from collections.abc import Sequence

import numpy as np

Bounds = tuple[float | None, float | None]

STARTS = 4  # of the tests, each with twice as many answers as the one before
DIGITS = 4  # of a bound, as of the probabilities that are printed


def sure_bounds(
    probabilities: np.ndarray,
    targets: np.ndarray,
    sources: Sequence[str],
    thresholds: Sequence[float],
    level: float = 0.95,
    confidence: float = 0.9,
) -> list[Bounds]:
    """Return for each instrument the bounds of unsure answers: lower and upper.

    From the upper bound on, claims that the instrument is present are right with a probability of at least `level`.
    Below the lower bound, this holds for denials. Each of the two holds with a probability of at least `confidence`,
    for clips like these. None: no threshold passes, so that these answers are never sure.

    Args:
        probabilities: Of clips from sources that training did not use, `[clips, instruments]`.
        targets: 1 for present, 0 for absent, NaN for unknown, same shape.
        sources: Where each clip comes from, such as a data set, a player or a sound font.
        thresholds: Probability from which each instrument counts as present. A claim needs it too, and a denial a lower
            one, so the lower bound is never above the upper one.
        level: The share of sure answers that must be right, below 1.
        confidence: The probability that the bounds keep that promise.
    """
    numbers = np.unique(np.asarray(sources), return_inverse=True)[1]
    bounds: list[Bounds] = []
    for column, known_targets, threshold in zip(probabilities.T, targets.T, thresholds, strict=True):
        values = np.round(column.astype(float), DIGITS)
        claimed, known = values >= threshold, ~np.isnan(known_targets)
        claims, denials = known & claimed, known & ~claimed
        upper = _loosest(values[claims], known_targets[claims] == 1, numbers[claims], level, confidence)
        lower = _loosest(-values[denials], known_targets[denials] == 0, numbers[denials], level, confidence)
        step = 10.0**-DIGITS  # denials are below the bound
        bounds.append((None if lower is None else round(step - lower, DIGITS), upper))
    return bounds


def _loosest(
    values: np.ndarray, is_right: np.ndarray, sources: np.ndarray, level: float, confidence: float
) -> float | None:
    """Return the smallest of the values from which up enough answers are right, or None.

    Args:
        values: How strong each answer is, `[answers]`.
        is_right: Whether it is right, same shape.
        sources: The number of its source, same shape.
        level: See `sure_bounds`.
        confidence: See `sure_bounds`.
    """
    if not len(values):
        return None
    order = np.argsort(-values, kind="stable")
    values = values[order]
    ends = np.flatnonzero(np.diff(values, append=-np.inf))  # equal values pass together
    of_source = np.eye(sources.max() + 1)[sources[order]]
    answers, right = (np.cumsum(each, axis=0)[ends] for each in (of_source, of_source * is_right[order, None]))
    passes = _lower_bound(right, answers, (1 - confidence) / STARTS) >= level
    least = np.log((1 - confidence) / STARTS) / np.log(level)  # fewer answers cannot pass, even if all are right
    starts = np.searchsorted(ends + 1, least * 2.0 ** np.arange(STARTS))
    fails = np.append(np.flatnonzero(~passes), len(passes))
    passed = [fails[np.searchsorted(fails, start)] - 1 for start in starts if start < len(passes) and passes[start]]
    return float(values[ends[max(passed)]]) if passed else None


def _lower_bound(right: np.ndarray, answers: np.ndarray, error: float) -> np.ndarray:
    """Return the lower confidence bound of the share of right answers, `[tests]`, from counts `[tests, sources]`."""
    from scipy.stats import beta

    number, hits = answers.sum(axis=1), right.sum(axis=1)
    share, used = hits / number, (answers > 0).sum(axis=1)
    spread = ((right - share[:, None] * answers) ** 2).sum(axis=1) * used / np.maximum(used - 1, 1) / number**2
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(spread > 0, np.minimum(share * (1 - share) / spread, number), number)
    return np.where(hits > 0, beta.ppf(error, share * effective, effective - share * effective + 1), 0.0)
