"""Bootstrap intervals: against scikit-learn, against the binomial's own, and what grouping and pairing do to them."""

import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from timbre.evaluation import bootstrap


def answers(clips, seed=0, skill=1.5):
    """Random truth, probabilities that lean to it, on a coarse grid so that some tie, and what is present."""
    rng = np.random.default_rng(seed)
    truth = rng.random((clips, 4)) < (0.2, 0.4, 0.5, 0.7)
    probabilities = np.round(1 / (1 + np.exp(-rng.normal(skill * (2 * truth - 1), 1.5))), 2)
    return truth, probabilities, probabilities >= 0.5


def alone(clips):
    return [str(clip) for clip in range(clips)]


@pytest.mark.parametrize(
    ("metric", "judge", "average"),
    [
        (bootstrap.macro_f1, f1_score, "macro"),
        (bootstrap.micro_f1, f1_score, "micro"),
        (bootstrap.f1_of_each, f1_score, None),
        (bootstrap.precision_of_each, precision_score, None),
        (bootstrap.recall_of_each, recall_score, None),
        (bootstrap.average_precision_of_each, average_precision_score, None),
        (bootstrap.auc_of_each, roc_auc_score, None),
    ],
)
def test_each_metric_is_scikit_learns_for_any_weights(metric, judge, average):
    truth, probabilities, present = answers(200)
    given = probabilities if judge in (average_precision_score, roc_auc_score) else present
    weights = bootstrap.resample(alone(200), 1, resamples=5)
    expected = [judge(truth, given, average=average, sample_weight=row) for row in weights]
    assert metric(truth, given)(weights) == pytest.approx(np.array(expected), abs=1e-6)


def test_the_interval_of_a_share_is_the_binomials():
    clips, share = 2000, 0.8
    truth = np.ones((clips, 4))
    present = truth * (np.arange(clips) < share * clips)[:, None]
    found = bootstrap.interval(bootstrap.exact_match(truth, present), alone(clips), 0)
    half = 1.96 * np.sqrt(share * (1 - share) / clips)
    assert found.value == pytest.approx(share)
    assert (found.low, found.high) == pytest.approx((share - half, share + half), abs=0.15 * half)


def test_clips_that_come_in_groups_of_alike_widen_the_interval_by_the_root_of_their_number():
    size = 9
    right = np.repeat(np.random.default_rng(0).random(300) < 0.7, size)[:, None]
    metric = bootstrap.exact_match(np.ones_like(right), right)

    def width(groups):
        found = bootstrap.interval(metric, groups, 0)
        return found.high - found.low

    grouped = [str(clip // size) for clip in range(len(right))]
    assert width(grouped) / width(alone(len(right))) == pytest.approx(np.sqrt(size), rel=0.15)


def test_about_95_in_100_intervals_hold_the_true_share():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        right = rng.random((150, 1)) < 0.8
        found = bootstrap.interval(bootstrap.exact_match(np.ones_like(right), right), alone(150), trial)
        held += found.low <= 0.8 <= found.high
    assert 180 <= held <= 198


def test_identical_models_differ_by_exactly_nothing_and_a_better_one_by_more():
    truth, _, present = answers(500)
    same = bootstrap.difference(bootstrap.micro_f1(truth, present), bootstrap.micro_f1(truth, present), alone(500), 0)
    assert tuple(same) == (0, 0, 0)
    better = present.copy()
    better[:50] = truth[:50]
    found = bootstrap.difference(bootstrap.macro_f1(truth, present), bootstrap.macro_f1(truth, better), alone(500), 0)
    assert 0 < found.low < found.value < found.high


def test_pairing_makes_a_difference_surer_than_two_intervals_apart():
    truth, _, present = answers(500)
    better = present.copy()
    better[:20] = truth[:20]
    first, second = bootstrap.micro_f1(truth, present), bootstrap.micro_f1(truth, better)
    paired = bootstrap.difference(first, second, alone(500), 0)
    single = bootstrap.interval(first, alone(500), 0)
    assert paired.high - paired.low < 0.5 * (single.high - single.low)


def test_draws_follow_from_seed_and_place_alone_and_hold_whole_groups():
    groups = ["a", "a", "b", "", ""]
    weights = bootstrap.resample(groups, 0, "test")
    assert np.array_equal(weights, bootstrap.resample(groups, 0, "test"))
    assert not np.array_equal(weights, bootstrap.resample(groups, 0, "validation"))
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert not np.array_equal(weights[:, 3], weights[:, 4])
    assert set(weights[:, 1:].sum(axis=1)) == {4}


def test_an_instrument_that_never_plays_nor_is_heard_has_no_figure_and_counts_in_no_mean(recwarn):
    truth, probabilities, present = answers(100)
    truth[:, 2] = present[:, 2] = False
    ranking = bootstrap.average_precision_of_each(truth, probabilities)
    f1 = bootstrap.f1_of_each(truth, present)
    for each, mean in ((ranking, bootstrap.mean(ranking)), (f1, bootstrap.macro_f1(truth, present))):
        found, overall = (bootstrap.interval(metric, alone(100), 0) for metric in (each, mean))
        assert np.isnan([found.value[2], found.low[2], found.high[2]]).all()
        assert overall.value == pytest.approx(np.nanmean(found.value))
        assert overall.low < overall.value < overall.high
    present[0, 2] = True
    assert bootstrap.f1_of_each(truth, present)(np.ones((1, 100)))[0, 2] == 0
    assert np.isnan(bootstrap.micro_f1(np.zeros((9, 4)), np.zeros((9, 4)))(np.ones((1, 9))))
    assert not recwarn


def test_a_thousand_draws_of_two_thousand_clips_take_well_under_a_second():
    truth, _, present = answers(2000)
    groups = [str(clip // 10) for clip in range(2000)]
    started = time.perf_counter()
    bootstrap.interval(bootstrap.macro_f1(truth, present), groups, 0)
    assert time.perf_counter() - started < 1
