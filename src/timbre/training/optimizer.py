"""Muon: the optimiser of the convolutions, which learn in half the steps that AdamW takes."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

WEIGHT_DECAY = 0.01
NEWTON_SCHULZ = 3.4445, -4.7750, 2.0315  # of the odd polynomial that draws singular values towards 1
STEPS = 5
MOMENTUM = 0.95
ADAMW_RMS = 0.2  # of an update of AdamW; Muon's steps are scaled to it, so that both share one learning rate


def make_optimizer(network: nn.Module, name: Literal["muon", "adamw"], learning_rate: float) -> "Muon":
    """An optimiser of that name for what a network learns.

    Muon takes kernels over more than one point and one channel; `adamw` leaves none to it.
    """
    kernels = [weight for weight in network.parameters() if weight.ndim == 4 and min(weight.shape[1:]) > 1]
    if name == "adamw":
        kernels = []
    special = set(kernels)
    return Muon(kernels, [weight for weight in network.parameters() if weight not in special], learning_rate)


class Muon(torch.optim.AdamW):
    """Steps of equal size in every direction for kernels of convolutions, those of AdamW for all else.

    The gradient of a kernel, seen as a matrix of outputs by inputs, has few large singular values; its momentum is
    orthogonalised, so that rare directions are learnt as fast as common ones (Jordan et al., 2024). The size is such
    that AdamW's learning rate serves (Liu et al., 2025). Torch's own takes matrices alone, in bfloat16, which makes a
    step many times slower on CPUs that do not multiply that.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], others: Iterable[nn.Parameter], lr: float) -> None:
        groups = [{"params": list(kernels), "orthogonal": True}, {"params": list(others), "orthogonal": False}]
        super().__init__(groups, lr=lr, weight_decay=WEIGHT_DECAY)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all parameters from their gradients, which those of kernels then no longer have."""
        for group in self.param_groups:
            if group["orthogonal"]:
                for kernel in group["params"]:
                    self._step_orthogonal(kernel, group["lr"], group["weight_decay"])
        return super().step(closure)

    def _step_orthogonal(self, kernel: nn.Parameter, rate: float, decay: float) -> None:
        gradient, kernel.grad = kernel.grad, None  # none left for AdamW
        assert gradient is not None
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        update = orthogonal(gradient.lerp(momentum, MOMENTUM).flatten(1))
        size = ADAMW_RMS * max(update.shape) ** 0.5
        kernel.mul_(1 - rate * decay).sub_(update.view_as(kernel), alpha=rate * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix `[rows, columns]` with its singular values brought near 1, 0.7 to 1.2, as Newton and Schulz do.

    All iterations but the last product work on the small side's square (Gram) matrix.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    matrix = matrix / matrix.norm().clamp_min(1e-7)
    one = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    gram, factor = matrix @ matrix.T, one
    first, third, fifth = NEWTON_SCHULZ
    for _ in range(STEPS):
        slope = first * one + gram @ (third * one + fifth * gram)
        gram, factor = slope @ gram @ slope, slope @ factor
    return factor @ matrix
