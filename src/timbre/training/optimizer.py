"""Muon: the optimiser of the convolutions. They learn in half the steps that AdamW needs."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

WEIGHT_DECAY = 0.01
NEWTON_SCHULZ = 3.4445, -4.7750, 2.0315  # coefficients of the odd polynomial that moves singular values towards 1
STEPS = 5  # iterations of that polynomial
MOMENTUM = 0.95
ADAMW_RMS = 0.2  # root mean square of AdamW's updates. Muon's are scaled to it, so that both use one learning rate


def make_optimizer(network: nn.Module, name: Literal["muon", "adamw"], learning_rate: float) -> "Muon":
    """Return an optimiser for all parameters of a network.

    With `muon`, Muon updates the kernels that span several points and channels, and AdamW updates the rest. With
    `adamw`, AdamW updates everything.
    """
    kernels = [weight for weight in network.parameters() if weight.ndim == 4 and min(weight.shape[1:]) > 1]
    if name == "adamw":
        kernels = []
    by_muon = set(kernels)
    return Muon(kernels, [weight for weight in network.parameters() if weight not in by_muon], learning_rate)


class Muon(torch.optim.AdamW):
    """Orthogonalised updates for convolution kernels, AdamW for all other parameters.

    The gradient of a kernel, as a matrix of outputs by inputs, has few large singular values. Muon orthogonalises its
    momentum, so that rare directions are learnt as fast as common ones (Jordan et al., 2024). Updates are scaled so
    that AdamW's learning rate fits (Liu et al., 2025). Torch's own Muon accepts matrices only and computes in bfloat16,
    which is many times slower on CPUs without bfloat16 products.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], others: Iterable[nn.Parameter], lr: float) -> None:
        groups = [{"params": list(kernels), "orthogonal": True}, {"params": list(others), "orthogonal": False}]
        super().__init__(groups, lr=lr, weight_decay=WEIGHT_DECAY)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all parameters from their gradients. The gradients of the kernels are removed."""
        for group in self.param_groups:
            if group["orthogonal"]:
                for kernel in group["params"]:
                    self._step_orthogonal(kernel, group["lr"], group["weight_decay"])
        return super().step(closure)

    def _step_orthogonal(self, kernel: nn.Parameter, rate: float, decay: float) -> None:
        gradient, kernel.grad = kernel.grad, None  # so that AdamW skips it
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
    """Return a matrix `[rows, columns]` with singular values moved near 1 (0.7 to 1.2), by Newton-Schulz iterations.

    The iterations work on the Gram matrix of the smaller side, which is cheaper.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    matrix = matrix / matrix.norm().clamp_min(1e-7)
    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    gram, factor = matrix @ matrix.T, identity
    first, third, fifth = NEWTON_SCHULZ
    for _ in range(STEPS):
        slope = first * identity + gram @ (third * identity + fifth * gram)
        gram, factor = slope @ gram @ slope, slope @ factor
    return factor @ matrix
