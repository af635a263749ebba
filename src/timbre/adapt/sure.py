"""Choose between which probabilities an answer is unsure, so that the other answers are right often enough.

Method: learn then test (Angelopoulos and others, "Learn then Test: Calibrating Predictive Algorithms to Achieve Risk
Control", 2021). Margins are tested from the widest to the narrowest (fixed sequence testing; Bauer, 1991). A margin
passes if a lower confidence bound of the share of right answers reaches the level. The bound is that of Clopper and
Pearson (1934). Clips of one source are alike, so they count as fewer clips if the sources differ (Korn and Graubard,
1998).

Few data sets have enough answers for each instrument. So the margins are the same for all instruments, in logits from
their thresholds. Only an instrument with too many wrong answers of its own gets a wider one.
"""

from collections.abc import Sequence

import numpy as np

from timbre.songs.answer import clipped_log_odds
from timbre.songs.presence import Bounds

DIGITS = 4  # of a bound, as of the probabilities that are printed


def sure_bounds(
    probabilities: np.ndarray,
    targets: np.ndarray,
    sources: Sequence[str],
    thresholds: Sequence[float],
    level: float = 0.95,
    confidence: float = 0.5,
) -> list[Bounds]:
    """Return for each instrument the bounds of unsure answers: lower and upper.

    From the upper bound on, claims that the instrument is present are right with a probability of at least `level`.
    Below the lower bound, this holds for denials. Each of the two holds with a probability of at least `confidence`,
    over all instruments together, for clips like these. None: these answers are never sure.

    Args:
        probabilities: Of clips from sources that training did not use, `[clips, instruments]`.
        targets: 1 for present, 0 for absent, NaN for unknown, same shape.
        sources: Where each clip comes from, such as a data set, a player or a sound font.
        thresholds: Probability from which each instrument counts as present. A claim needs it too, and a denial a lower
            one, so the lower bound is never above the upper one.
        level: The share of sure answers that must be right, below 1.
        confidence: The probability that the bounds keep that promise.
    """
    limits = clipped_log_odds(np.array(thresholds))
    above = clipped_log_odds(probabilities) - limits
    numbers = np.broadcast_to(np.unique(np.asarray(sources), return_inverse=True)[1][:, None], above.shape)
    is_known, is_claim = ~np.isnan(targets), probabilities >= np.array(thresholds)
    sides = []
    for answers, sign, right in ((is_known & ~is_claim, -1, targets == 0), (is_known & is_claim, 1, targets == 1)):
        margin = _narrowest(sign * above[answers], right[answers], numbers[answers], level, confidence)
        sides.append(
            [
                None if margin is None else _own_margin(sign * above[rows, label], right[rows, label], margin, level)
                for label, rows in enumerate(answers.T)
            ]
        )
    return [
        (
            None if lower is None else (np.floor(_steps(limit - lower)) + 1) / 10**DIGITS,  # denials are below it
            None if upper is None else np.ceil(_steps(limit + upper)) / 10**DIGITS,
        )
        for limit, lower, upper in zip(limits, *sides, strict=True)
    ]


def _steps(logit: float) -> float:
    """Return the probability of a logit in steps of `DIGITS`."""
    return round(float(10**DIGITS / (1 + np.exp(-logit))), DIGITS)


def _narrowest(
    margins: np.ndarray, is_right: np.ndarray, sources: np.ndarray, level: float, confidence: float
) -> float | None:
    """Return the narrowest margin from which up enough answers are right, or None.

    Args:
        margins: How far each answer is from its threshold, in logits `[answers]`.
        is_right: Whether it is right, same shape.
        sources: The number of its source, same shape.
        level: See `sure_bounds`.
        confidence: See `sure_bounds`.
    """
    if not len(margins):
        return None
    order = np.argsort(-margins, kind="stable")
    margins = margins[order]
    ends = np.flatnonzero(np.diff(margins, append=-np.inf))  # equal margins pass together
    of_source = np.eye(sources.max() + 1)[sources[order]]
    answers, right = (np.cumsum(each, axis=0)[ends] for each in (of_source, of_source * is_right[order, None]))
    passes = _lower_bound(right, answers, 1 - confidence) >= level
    least = np.log(1 - confidence) / np.log(level)  # fewer answers cannot pass, even if all are right
    start = int(np.searchsorted(ends + 1, least))
    fails = np.append(np.flatnonzero(~passes[start:]), len(passes) - start)
    return float(margins[ends[start + fails[0] - 1]]) if fails[0] else None


def _own_margin(margins: np.ndarray, is_right: np.ndarray, margin: float, level: float) -> float | None:
    """Return the narrowest margin, at least `margin`, from which up enough answers of one instrument are right.

    Returns:
        The margin, or None if the instrument has wrong answers whatever the margin.
    """
    candidates = np.unique(np.append(margins[margins > margin], margin))
    for candidate in candidates:
        right = is_right[margins >= candidate]
        if not len(right) or right.mean() >= level:
            return float(candidate)
    return None


def _lower_bound(right: np.ndarray, answers: np.ndarray, error: float) -> np.ndarray:
    """Return the lower confidence bound of the share of right answers, `[tests]`, from counts `[tests, sources]`."""
    from scipy.stats import beta

    number, hits = answers.sum(axis=1), right.sum(axis=1)
    share, used = hits / number, (answers > 0).sum(axis=1)
    spread = ((right - share[:, None] * answers) ** 2).sum(axis=1) * used / np.maximum(used - 1, 1) / number**2
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(spread > 0, np.minimum(share * (1 - share) / spread, number), number)
    return np.where(hits > 0, beta.ppf(error, share * effective, effective - share * effective + 1), 0.0)
