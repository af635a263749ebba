"""Muon, compared with linear algebra and with the Muon of torch."""

import pytest
import torch
from torch import nn

from timbre.model.network import TimbreNet
from timbre.training.auxiliary import TrainingNet
from timbre.training.optimizer import Muon, make_optimizer, orthogonal


@pytest.mark.parametrize("shape", [(8, 72), (64, 9), (16, 16)])
def test_an_orthogonal_matrix_has_the_same_directions_at_about_one_size(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonal(matrix) @ right.T
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 1e-3
    large = turned.diagonal()[sizes > sizes.max() / 100]
    assert large.min() > 0.6
    assert large.max() < 1.25
    assert torch.allclose(orthogonal(1e-4 * matrix), orthogonal(matrix), atol=1e-4)
    assert not orthogonal(torch.zeros(shape)).any()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon from version 2.9 on")
def test_kernels_are_updated_as_by_the_muon_of_torch():
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(12, 40, generator=draw)
    ours, theirs = nn.Parameter(start.view(12, 10, 2, 2).clone()), nn.Parameter(start.clone())
    one = Muon([ours], [], lr=0.01)
    other = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        theirs.grad = torch.randn(12, 40, generator=draw)
        ours.grad = theirs.grad.view_as(ours).clone()
        one.step()
        other.step()
    moved = (theirs - start).norm()
    assert (ours.flatten(1) - theirs).norm() < 0.02 * moved  # torch multiplies in half precision


def test_everything_but_kernels_is_updated_as_by_adamw(tiny):
    torch.manual_seed(0)
    model = TrainingNet(TimbreNet(tiny.model, 4), 5, has_frames=True)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    gradients = {name: torch.randn_like(weight) for name, weight in before.items()}
    after = {}
    for name in ("muon", "adamw"):
        model.load_state_dict(before, strict=False)
        optimizer = make_optimizer(model, name, 0.01)
        for key, weight in model.named_parameters():
            weight.grad = gradients[key].clone()
        optimizer.step()
        after[name] = {key: weight.detach().clone() for key, weight in model.named_parameters()}
    differ = {key for key in before if not torch.equal(after["muon"][key], after["adamw"][key])}
    kernels = {key for key, weight in before.items() if weight.ndim == 4 and weight.shape[1] > 1}
    assert differ == kernels - {"masks.weight"} != set()
    assert all((after["muon"][key] != before[key]).any() for key in before)
