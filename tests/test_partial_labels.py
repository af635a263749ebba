"""Partial labels: unknown instruments do not affect losses, thresholds or metrics."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import INSTRUMENTS
from hypothesis import given
from hypothesis import strategies as st
from test_splits import TEST, assign, of_all
from test_training import pack_of, windows

from timbre.core.partial_labels import partial_label, partial_targets, present_and_absent
from timbre.core.tables import Clip, Window
from timbre.evaluation.prediction_table import predictions_as_csv, read_predictions
from timbre.evaluation.predictions import Predictions
from timbre.features.split import Split, joined
from timbre.model.tasks import LAYERED
from timbre.training.calibration import best_thresholds, fit_platt
from timbre.training.config import TrainingConfig
from timbre.training.mask_loss import mask_loss
from timbre.training.mixing import cut_parts
from timbre.training.sampling import MUSIC_CLASS, sample_layered

NAN = float("nan")
MUSIC = [
    Window(row, 0.0, f"music{row // 2}.wav", "guitar;piano|violin" if row % 4 < 2 else "|drums", "train", "")
    for row in range(80, 100)
]


@given(st.lists(st.sampled_from([None, True, False]), min_size=4, max_size=4))
def test_a_label_keeps_what_is_present_and_absent(of_each):
    known = {
        side: [name for name, plays in zip(INSTRUMENTS, of_each, strict=True) if plays is side]
        for side in (True, False)
    }
    label = partial_label(known[True], known[False])
    assert present_and_absent(label) == (tuple(known[True]), tuple(known[False]))
    wanted = [NAN if plays is None else float(plays) for plays in of_each]
    assert np.array_equal(partial_targets([label], INSTRUMENTS), [wanted], equal_nan=True)


def test_all_instruments_are_known_in_clips_of_one_instrument_or_none():
    assert partial_targets(["drums", "other"], INSTRUMENTS).tolist() == [[0, 1, 0, 0], [0] * 4]


def test_an_epoch_has_the_requested_fractions_of_mixtures_and_music(tiny):
    options = tiny.mixtures.model_copy(update={"fresh": 200})
    drawn = sample_layered(windows() + MUSIC, INSTRUMENTS, options, 0.3, np.random.default_rng(0))
    whole = np.isfinite(drawn.gains_db[:, drawn.classes == MUSIC_CLASS])[:, 0]
    assert len(drawn.rows) == 200 and whole.sum() == 60 and whole[:60].sum() < 40
    assert not np.isfinite(drawn.gains_db[whole][:, drawn.classes != MUSIC_CLASS]).any()
    music_rows = drawn.rows[whole][:, drawn.classes == MUSIC_CLASS][:, 0]
    assert np.array_equal(
        drawn.targets[whole],
        partial_targets([MUSIC[row - 80].label for row in music_rows], INSTRUMENTS),
        equal_nan=True,
    )
    assert np.bincount((music_rows - 80) // 2).tolist() == [6] * 10  # all recordings equally often
    assert np.isfinite(drawn.targets[~whole]).all()


def test_an_epoch_may_consist_of_music_only(tiny):
    options = tiny.mixtures.model_copy(update={"fresh": 50})
    drawn = sample_layered(MUSIC, INSTRUMENTS, options, 0.3, np.random.default_rng(0))
    assert drawn.rows.shape == (50, 1) and drawn.classes.tolist() == [MUSIC_CLASS]


def test_parts_are_shortened_but_music_is_not(tiny):
    """Otherwise an instrument that is labelled as present could be cut out of the music."""
    always = tiny.augment.model_copy(update={"shorten": 1.0})
    names = ("instruments", "seed", "epochs", "batch_size", "optimizer", "learning_rate")
    config = TrainingConfig(*(getattr(tiny, name) for name in names), tiny.audio, tiny.mel, tiny.model, augment=always)
    pack, noise = pack_of(windows(2, 1)), torch.Generator().manual_seed(0)
    rows, gains = np.array([[0, 1]] * 40), np.zeros((40, 2))
    _, slots, power = cut_parts(pack, rows, gains, config, noise, np.array([0, MUSIC_CLASS]))
    silent = (power.sum(dim=1) == 0).any(dim=1)
    assert silent[slots == 0].float().mean() > 0.9 and not silent[slots == 1].any()


def test_loss_and_f1_ignore_unknown_instruments():
    logits = torch.randn(8, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = (torch.arange(32).reshape(8, 4) % 3 == 0).float()
    whole = LAYERED.loss(logits, targets)
    assert whole == torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    targets[:, 2] = NAN
    LAYERED.loss(logits, targets).backward()
    assert not logits.grad[:, 2].any() and logits.grad[:, [0, 1, 3]].all()
    kept = LAYERED.f1(logits.detach()[:, [0, 1, 3]], targets[:, [0, 1, 3]])
    assert LAYERED.f1(logits.detach(), targets) == kept


def test_music_does_not_affect_the_mask_loss():
    power = torch.rand(3, 5, 2, 6, generator=torch.Generator().manual_seed(0)) + 0.1
    logits = torch.randn(power.shape, generator=torch.Generator().manual_seed(1))
    with_music = torch.cat([power, torch.zeros(2, 5, 2, 6)])
    assert mask_loss(torch.cat([logits, logits[:2]]), with_music) == pytest.approx(float(mask_loss(logits, power)))
    assert mask_loss(logits, torch.zeros_like(power)) == 0


def test_calibration_and_thresholds_ignore_unknown_instruments():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (400, 4))
    targets = (rng.random((400, 4)) < 1 / (1 + np.exp(-logits - 1))).astype(float)
    known = rng.random((400, 4)) < 0.7
    masked = np.where(known, targets, NAN)
    for label in range(4):
        rows = known[:, label]
        alone = fit_platt(logits[rows, label, None], targets[rows, label, None])
        found = fit_platt(logits, masked)
        assert [value[label] for value in found] == pytest.approx([value[0] for value in alone])
        threshold = best_thresholds(logits[rows, label, None], targets[rows, label, None])[0]
        assert best_thresholds(logits, masked)[label] == threshold


def test_prediction_tables_keep_unknown_instruments():
    targets = np.array([[1, NAN, 0, 0], [0, 0, 0, NAN]], np.float32)
    split = Split(np.zeros((2, 1, 1)), np.arange(2), targets, ["a", "b"], INSTRUMENTS)
    present = np.array([[1, 1, 0, 0], [0, 0, 1, 0]], bool)
    predictions = Predictions(split, np.full((2, 4), 0.25), present, (0.5,) * 4)
    table = read_predictions(predictions_as_csv(predictions, ["a", "b"], ["g", "g"]), "here")
    assert np.array_equal(table.targets, targets, equal_nan=True) and np.array_equal(table.present, present)
    assert table.correct.tolist() == predictions.correct.tolist() == [True, False]


def test_two_splits_are_joined():
    first = Split(np.ones((3, 2, 5)), np.array([0, 0, 1]), np.zeros((2, 4)), ["a", "b"], INSTRUMENTS)
    second = replace(first, mels=np.zeros((3, 2, 6)), names=["c", "d"])
    both = joined(first, second)
    assert both.mels.shape == (6, 2, 5) and both.clips.tolist() == [0, 0, 1, 2, 2, 3]
    empty = replace(second, mels=second.mels[:0], clips=second.clips[:0], targets=second.targets[:0], names=[])
    assert joined(first, empty) is first


def music(number, split="train"):
    return [
        Clip(f"{split}/music{clip}.wav", "guitar|drums" if clip % 2 else "|guitar", split, f"song{clip // 2}")
        for clip in range(number)
    ]


def test_music_gets_a_test_split_of_its_own_if_only_solos_have_one():
    clips, _ = assign(of_all(3, 3, 3) + TEST + music(40), 0, 0.2, False)
    of_music = [clip for clip in clips if "|" in clip.label]
    groups = {
        split: {clip.group for clip in of_music if clip.split == split} for split in ("train", "validation", "test")
    }
    assert all(groups.values()) and sum(map(len, groups.values())) == len(set.union(*groups.values())) == 20
    solos = [clip for clip in clips if "|" not in clip.label]
    assert {clip.file for clip in solos if clip.split == "test"} == {clip.file for clip in TEST}
    assert len(solos) == 40


def test_music_that_sounds_like_a_solo_in_train_is_not_moved_to_test():
    solos, songs = of_all(3, 3, 3), music(40)
    twins = [(solos[0].file, songs[0].file)]
    clips, _ = assign(solos + TEST + songs, 0, 0.2, False, twins)
    split = {clip.file: clip.split for clip in clips}
    assert split[solos[0].file] == split[songs[0].file] != "test"
