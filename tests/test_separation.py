import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.params import Model
from timbre.model.network import TimbreNet
from timbre.training.separation import WithMaskHead, mask_loss, power_by_class


@given(st.integers(1, 3), st.integers(1, 100), st.integers(1, 100))
@settings(deadline=None, max_examples=40)
def test_power_comes_in_the_cells_of_the_network(blocks, bands, frames):
    model = WithMaskHead(TimbreNet(Model(channels=1, blocks=blocks, hidden=0, dropout=0), 4), classes=5)
    sound = torch.rand(2, bands, frames)
    zeros = torch.zeros(2, dtype=torch.long)
    power = power_by_class(sound, torch.arange(2), zeros, (2, 5), model.network.cell)
    assert model.eval()(sound)[1].shape == power.shape == (2, 5, *power.shape[2:])


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
