import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.params import Model
from timbre.model.network import TimbreNet
from timbre.training.auxiliary import TrainingNet
from timbre.training.frame_loss import frame_activity, frame_loss
from timbre.training.mask_loss import mask_loss, power_by_class


@given(st.integers(1, 3), st.integers(1, 100), st.integers(1, 100))
@settings(deadline=None, max_examples=40)
def test_targets_of_the_auxiliary_losses_have_the_shapes_of_the_outputs(blocks, bands, frames):
    model = TrainingNet(TimbreNet(Model(channels=1, blocks=blocks, hidden=0, dropout=0), 4), 5, has_frames=True)
    sound = torch.rand(2, bands, frames)
    zeros = torch.zeros(2, dtype=torch.long)
    power = power_by_class(sound, torch.arange(2), zeros, (2, 5), model.network.stride)
    output, activity = model.eval()(sound), frame_activity(sound, zeros, zeros, (2, 4), model.network.stride[1], 0.02)
    assert output.masks.shape == power.shape == (2, 5, *power.shape[2:])
    assert output.frames.shape == activity.shape == (2, 4, power.shape[3])


def test_powers_of_parts_of_one_class_add_up():
    parts = torch.zeros(3, 4, 8)
    parts[0, :2, :4], parts[1, 2:, 4:], parts[2] = 3, 1, 1
    power = power_by_class(parts, torch.tensor([0, 0, 1]), torch.tensor([0, 4, 4]), (2, 5), (2, 4))
    assert power[0, 0].tolist() == [[3, 0], [0, 0]]
    assert power[0, 4].tolist() == [[0, 0], [0, 1]]
    assert power[1, 4].tolist() == [[1, 1], [1, 1]]
    assert not power[:, 1:4].any()


def test_the_mask_loss_is_smallest_at_the_true_masks_and_ignores_silent_cells():
    generator = torch.Generator().manual_seed(0)
    power = torch.rand(2, 5, 3, 4, generator=generator) + 0.01
    power[:, :, 0] *= 1e-5  # 50 dB down
    right = power.log()
    others = [right + torch.randn(right.shape, generator=generator) for _ in range(20)]
    assert all(mask_loss(right, power) < mask_loss(other, power) for other in others)
    wrong_in_silence = right.clone()
    wrong_in_silence[:, :, 0] = 9.0
    assert mask_loss(wrong_in_silence, power) == pytest.approx(float(mask_loss(right, power)))
    louder = mask_loss(right, power * 1000)
    assert louder == pytest.approx(float(mask_loss(right, power)), rel=1e-4)


def test_an_instrument_plays_where_its_part_sounds_and_in_short_pauses():
    parts = torch.zeros(4, 3, 200)
    parts[0, 0, :50], parts[0, 0, 80:120] = 1, 0.01  # a pause of 0.6 s, and 20 dB down
    parts[1, 1, 150:] = 1
    parts[2, 1, :40], parts[2, 1, 160:] = 1e-4, 1  # 40 dB down: does not count
    parts[3] = 1
    clips, labels = (
        torch.tensor([0, 0, 1, 2]),
        torch.tensor([1, 2, 0, -1]),
    )  # two instruments; 2 is another one, -1 labelled music
    activity = frame_activity(parts, clips, labels, (3, 2), 40, 0.02)
    assert activity[0].tolist() == [[0, 0, 0, 0, 0], [1, 1, 1, 0, 0]]
    assert activity[1].tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert activity[2].isnan().all()


def test_frames_of_unknown_activity_have_no_loss():
    activity = torch.tensor([[[1.0, 0.0, 0.5]], [[torch.nan] * 3]])
    logits = torch.tensor([[[30.0, -30.0, 0.0]], [[30.0, -30.0, 3.0]]], requires_grad=True)
    loss = frame_loss(logits, activity)
    assert loss.item() == pytest.approx(0.6931 / 3, abs=1e-3)
    loss.backward()
    assert not logits.grad[1].any()
    assert frame_loss(logits, torch.full((2, 1, 3), torch.nan)).item() == 0
