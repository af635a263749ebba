"""The answer for a whole song: one logit per instrument, from what all three models say.

The networks err in different ways, so together they are right more often than any of them. The weights were chosen on
real music; docs/results.md has the comparison.
"""

import numpy as np

from timbre.songs.timeline import log_odds

PART = 0.25  # of the windows (and frames) of a song must reach a logit for it to count
TIMELINE_WEIGHT = 0.5  # of the timeline; the multi-label model has the rest
TIMELINE_LIMIT = 0.5  # logit that a quarter of the timeline must reach; some frames reach 0 by chance
SINGLE_WEIGHT = 0.05  # of the single-label model's log-odds, less those of a guess
LEAST = 1e-4  # smallest probability that counts, so that no model decides alone


def song_logits(windows: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the multi-label logits of a song `[instruments]`, from those of its windows and frames.

    They are the mean of two values: what a quarter of the windows reach, and what a quarter of the frames reach. So an
    instrument that plays in a third of a song is present. For a single window, they are the logits of that window.

    Args:
        windows: Logits `[windows, instruments]`.
        frames: Logits `[frames, instruments]`.
    """
    by_window = np.quantile(windows, 1 - PART, axis=0).astype(np.float32)
    if len(windows) == 1:
        return by_window
    return (by_window + np.quantile(frames, 1 - PART, axis=0).astype(np.float32)) / 2


def joint_logits(layered: np.ndarray, thresholds: np.ndarray, activity: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Return the logits of a song `[instruments]` from all models. An instrument is present from its threshold on.

    The multi-label logit above its threshold is averaged with the timeline's logit above `TIMELINE_LIMIT`. A
    single-label prediction of an instrument adds to it, one of another instrument takes from it.

    Args:
        layered: Multi-label logits from `song_logits`.
        thresholds: Probability from which each instrument counts as present.
        activity: What a quarter of the timeline reaches, logits; from `song_activity`.
        single: Single-label probabilities; empty without that model.
    """
    limits = clipped_log_odds(thresholds)
    logits = limits + (1 - TIMELINE_WEIGHT) * (layered - limits) + TIMELINE_WEIGHT * (activity - TIMELINE_LIMIT)
    if len(single):
        logits = logits + SINGLE_WEIGHT * (clipped_log_odds(single) - clipped_log_odds(np.array(1 / len(single))))
    return logits


def song_activity(timeline: np.ndarray) -> np.ndarray:
    """Return the logits `[instruments]` that a quarter of a timeline reaches.

    Args:
        timeline: Logits `[steps, instruments]`, without near silence.
    """
    most = clipped_log_odds(np.array(1.0))
    return np.clip(np.quantile(timeline, 1 - PART, axis=0), -most, most)


def clipped_log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return the logits of probabilities, as if none were closer to 0 or 1 than `LEAST`."""
    return log_odds(np.clip(probabilities, LEAST, 1 - LEAST))
