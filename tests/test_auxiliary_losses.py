import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.params import Model
from timbre.model.network import TimbreNet
from timbre.training.frame_loss import frame_activity, frame_loss
from timbre.training.mask_loss import WithAuxiliaryOutputs, mask_loss, power_by_class


@given(st.integers(1, 3), st.integers(1, 100), st.integers(1, 100))
@settings(deadline=None, max_examples=40)
def test_power_comes_in_the_cells_of_the_network(blocks, bands, frames):
    model = WithAuxiliaryOutputs(
        TimbreNet(Model(channels=1, blocks=blocks, hidden=0, dropout=0), 4), 5, has_frames=True
    )
    sound = torch.rand(2, bands, frames)
    zeros = torch.zeros(2, dtype=torch.long)
    power = power_by_class(sound, torch.arange(2), zeros, (2, 5), model.network.cell)
    heard, played = model.eval()(sound), frame_activity(sound, zeros, zeros, (2, 4), model.network.cell[1], 0.02)
    assert heard.masks.shape == power.shape == (2, 5, *power.shape[2:])
    assert heard.frames.shape == played.shape == (2, 4, power.shape[3])


def test_parts_of_one_class_add_up_where_they_sound():
    parts = torch.zeros(3, 4, 8)
    parts[0, :2, :4], parts[1, 2:, 4:], parts[2] = 3, 1, 1
    power = power_by_class(parts, torch.tensor([0, 0, 1]), torch.tensor([0, 4, 4]), (2, 5), (2, 4))
    assert power[0, 0].tolist() == [[3, 0], [0, 0]]
    assert power[0, 4].tolist() == [[0, 0], [0, 1]]
    assert power[1, 4].tolist() == [[1, 1], [1, 1]]
    assert not power[:, 1:4].any()


def test_the_loss_is_least_at_the_true_shares_and_deaf_to_what_cannot_be_heard():
    generator = torch.Generator().manual_seed(0)
    power = torch.rand(2, 5, 3, 4, generator=generator) + 0.01
    power[:, :, 0] *= 1e-5  # 50 dB down
    true = power.log()
    others = [true + torch.randn(true.shape, generator=generator) for _ in range(20)]
    assert all(mask_loss(true, power) < mask_loss(other, power) for other in others)
    unheard = true.clone()
    unheard[:, :, 0] = 9.0
    assert mask_loss(unheard, power) == pytest.approx(float(mask_loss(true, power)))
    louder = mask_loss(true, power * 1000)
    assert louder == pytest.approx(float(mask_loss(true, power)), rel=1e-4)


def test_an_instrument_is_heard_where_its_part_sounds_and_across_short_pauses():
    parts = torch.zeros(4, 3, 200)
    parts[0, 0, :50], parts[0, 0, 80:120] = 1, 0.01  # a pause of 0.6 s, and 20 dB down
    parts[1, 1, 150:] = 1
    parts[2, 1, :40], parts[2, 1, 160:] = 1e-4, 1  # 40 dB down: not heard
    parts[3] = 1
    clips, labels = torch.tensor([0, 0, 1, 2]), torch.tensor([1, 2, 0, -1])  # of two instruments; 2 is another
    heard = frame_activity(parts, clips, labels, (3, 2), 40, 0.02)
    assert heard[0].tolist() == [[0, 0, 0, 0, 0], [1, 1, 1, 0, 0]]
    assert heard[1].tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert heard[2].isnan().all()


def test_what_is_not_known_of_moments_teaches_nothing():
    heard = torch.tensor([[[1.0, 0.0, 0.5]], [[torch.nan] * 3]])
    logits = torch.tensor([[[30.0, -30.0, 0.0]], [[30.0, -30.0, 3.0]]], requires_grad=True)
    loss = frame_loss(logits, heard)
    assert loss.item() == pytest.approx(0.6931 / 3, abs=1e-3)
    loss.backward()
    assert not logits.grad[1].any()
    assert frame_loss(logits, torch.full((2, 1, 3), torch.nan)).item() == 0
