"""Bootstrap intervals: compared with scikit-learn and the binomial; the effect of groups and of pairs."""

import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from timbre.evaluation import bootstrap


def drawn(clips, seed=0, skill=1.5):
    """Return random targets, correlated probabilities (rounded, so that some are equal), and predictions."""
    rng = np.random.default_rng(seed)
    targets = rng.random((clips, 4)) < (0.2, 0.4, 0.5, 0.7)
    probabilities = np.round(1 / (1 + np.exp(-rng.normal(skill * (2 * targets - 1), 1.5))), 2)
    return targets, probabilities, probabilities >= 0.5


def own_groups(clips):
    return [str(clip) for clip in range(clips)]


@pytest.mark.parametrize(
    ("metric", "reference", "average"),
    [
        (bootstrap.macro_f1, f1_score, "macro"),
        (bootstrap.micro_f1, f1_score, "micro"),
        (bootstrap.f1_by_instrument, f1_score, None),
        (bootstrap.precision_by_instrument, precision_score, None),
        (bootstrap.recall_by_instrument, recall_score, None),
        (bootstrap.average_precision_by_instrument, average_precision_score, None),
        (bootstrap.auc_by_instrument, roc_auc_score, None),
    ],
)
def test_each_metric_equals_scikit_learns_for_any_weights(metric, reference, average):
    targets, probabilities, present = drawn(200)
    values = probabilities if reference in (average_precision_score, roc_auc_score) else present
    weights = bootstrap.resample(own_groups(200), 1, resamples=5)
    expected = [reference(targets, values, average=average, sample_weight=row) for row in weights]
    assert metric(targets, values)(weights) == pytest.approx(np.array(expected), abs=1e-6)


def test_the_interval_of_a_proportion_equals_the_binomials():
    clips, proportion = 2000, 0.8
    targets = np.ones((clips, 4))
    present = targets * (np.arange(clips) < proportion * clips)[:, None]
    found = bootstrap.interval(bootstrap.exact_match(targets, present), own_groups(clips), 0)
    half = 1.96 * np.sqrt(proportion * (1 - proportion) / clips)
    assert found.value == pytest.approx(proportion)
    assert (found.low, found.high) == pytest.approx((proportion - half, proportion + half), abs=0.15 * half)


def test_groups_of_identical_clips_widen_the_interval_by_the_root_of_their_size():
    size = 9
    right = np.repeat(np.random.default_rng(0).random(300) < 0.7, size)[:, None]
    metric = bootstrap.exact_match(np.ones_like(right), right)

    def width(groups):
        found = bootstrap.interval(metric, groups, 0)
        return found.high - found.low

    grouped = [str(clip // size) for clip in range(len(right))]
    assert width(grouped) / width(own_groups(len(right))) == pytest.approx(np.sqrt(size), rel=0.15)


def test_about_95_of_100_intervals_contain_the_true_proportion():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        right = rng.random((150, 1)) < 0.8
        found = bootstrap.interval(bootstrap.exact_match(np.ones_like(right), right), own_groups(150), trial)
        held += found.low <= 0.8 <= found.high
    assert 180 <= held <= 198


def test_identical_models_differ_by_exactly_zero_and_a_better_one_by_more():
    targets, _, present = drawn(500)
    same = bootstrap.difference(
        bootstrap.micro_f1(targets, present), bootstrap.micro_f1(targets, present), own_groups(500), 0
    )
    assert tuple(same) == (0, 0, 0)
    better = present.copy()
    better[:50] = targets[:50]
    found = bootstrap.difference(
        bootstrap.macro_f1(targets, present), bootstrap.macro_f1(targets, better), own_groups(500), 0
    )
    assert 0 < found.low < found.value < found.high


def test_a_paired_difference_has_a_narrower_interval_than_each_model():
    targets, _, present = drawn(500)
    better = present.copy()
    better[:20] = targets[:20]
    first, second = bootstrap.micro_f1(targets, present), bootstrap.micro_f1(targets, better)
    paired = bootstrap.difference(first, second, own_groups(500), 0)
    single = bootstrap.interval(first, own_groups(500), 0)
    assert paired.high - paired.low < 0.5 * (single.high - single.low)


def test_resamples_depend_only_on_seed_and_key_and_draw_whole_groups():
    groups = ["a", "a", "b", "", ""]
    weights = bootstrap.resample(groups, 0, "test")
    assert np.array_equal(weights, bootstrap.resample(groups, 0, "test"))
    assert not np.array_equal(weights, bootstrap.resample(groups, 0, "validation"))
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert not np.array_equal(weights[:, 3], weights[:, 4])
    assert set(weights[:, 1:].sum(axis=1)) == {4}


def test_an_instrument_that_never_plays_and_is_never_predicted_has_no_value_and_counts_in_no_mean(recwarn):
    targets, probabilities, present = drawn(100)
    targets[:, 2] = present[:, 2] = False
    ranking = bootstrap.average_precision_by_instrument(targets, probabilities)
    f1 = bootstrap.f1_by_instrument(targets, present)
    for each, mean in ((ranking, bootstrap.mean(ranking)), (f1, bootstrap.macro_f1(targets, present))):
        found, overall = (bootstrap.interval(metric, own_groups(100), 0) for metric in (each, mean))
        assert np.isnan([found.value[2], found.low[2], found.high[2]]).all()
        assert overall.value == pytest.approx(np.nanmean(found.value))
        assert overall.low < overall.value < overall.high
    present[0, 2] = True
    assert bootstrap.f1_by_instrument(targets, present)(np.ones((1, 100)))[0, 2] == 0
    assert np.isnan(bootstrap.micro_f1(np.zeros((9, 4)), np.zeros((9, 4)))(np.ones((1, 9))))
    assert not recwarn


def test_a_thousand_resamples_of_two_thousand_clips_take_under_a_second():
    targets, _, present = drawn(2000)
    groups = [str(clip // 10) for clip in range(2000)]
    started = time.perf_counter()
    bootstrap.interval(bootstrap.macro_f1(targets, present), groups, 0)
    assert time.perf_counter() - started < 1
