import numpy as np
import pytest
import torch
from helpers import INSTRUMENTS

from timbre.features.split import Split
from timbre.model.inference import clip_logits
from timbre.model.network import TimbreNet
from timbre.model.tasks import LAYERED, SINGLE
from timbre.training.calibration import best_thresholds, calibrate, choose_thresholds, fit_platt, fit_temperature

RNG = np.random.default_rng


def test_platt_scaling_undoes_a_known_scale_and_shift():
    """Targets are drawn with the probabilities of `good`, and these logits are then distorted by known numbers."""
    good = RNG(0).normal(0, 2, (20000, 4))
    targets = (RNG(1).random(good.shape) < 1 / (1 + np.exp(-good))).astype(float)
    scales, shifts = fit_platt(3 * good + 2, targets)
    np.testing.assert_allclose(scales, 1 / 3, rtol=0.05)
    np.testing.assert_allclose(shifts, -2 / 3, atol=0.06)


def test_temperature_undoes_overconfidence():
    good = RNG(0).normal(0, 1.5, (20000, 4))
    chances = np.exp(good) / np.exp(good).sum(axis=1, keepdims=True)
    targets = np.eye(4)[(chances.cumsum(axis=1) > RNG(1).random((len(good), 1))).argmax(axis=1)]
    scales, shifts = fit_temperature(4 * good, targets)
    np.testing.assert_allclose(scales, 0.25, rtol=0.05)
    assert not shifts.any()


def test_thresholds_give_the_highest_f1():
    probabilities = np.array([[0.2, 0.9], [0.3, 0.8], [0.31, 0.1], [0.7, 0.2]])
    targets = np.array([[0, 1], [0, 1], [1, 0], [1, 0]])
    assert best_thresholds(probabilities, targets) == (0.31, 0.5)


@pytest.mark.parametrize("task", [SINGLE, LAYERED], ids=lambda task: task.name)
def test_calibration_lowers_the_loss_and_keeps_the_ranking(task, tiny):
    torch.manual_seed(0)
    network = TimbreNet(tiny.model, 4).eval()
    mels = RNG(0).normal(-40, 20, (60, 32, 20)).astype(np.float16)
    split = Split(
        mels, np.arange(60), np.eye(4, dtype=np.float32)[RNG(1).integers(4, size=60)], ["x"] * 60, INSTRUMENTS
    )
    before, targets = clip_logits(network, split), torch.from_numpy(split.targets)
    calibrate(network, task, split)
    after = clip_logits(network, split)
    assert task.loss(after, targets) <= task.loss(before, targets) + 1e-6
    if task is SINGLE:
        assert (after.argmax(1) == before.argmax(1)).all()
    assert choose_thresholds(network, split, 0.3) == (0.3,) * 4
    chosen = choose_thresholds(network, split, "auto")
    assert chosen == best_thresholds(torch.sigmoid(after).numpy(), split.targets)
