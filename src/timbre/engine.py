"""Where training runs: device, precision and threads, through Lightning Fabric."""

import logging
import os
import warnings

import torch
from lightning_fabric import Fabric

from timbre.errors import ParamsError
from timbre.params import Compute


def make_fabric(compute: Compute) -> Fabric:
    """Choose device and precision, and make PyTorch repeatable.

    `auto` takes a CUDA GPU where there is one, and bf16 where the device computes in it.

    Raises:
        ParamsError: a GPU is asked for where there is none.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with this
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(compute.threads)
    gpu = torch.cuda.is_available()
    if compute.device == "cuda" and not gpu:
        raise ParamsError("params.yaml: compute.device: cuda, but PyTorch sees no GPU here; use auto or cpu")
    device = "cuda" if gpu and compute.device != "cpu" else "cpu"
    bf16 = torch.cuda.is_bf16_supported() if device == "cuda" else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    precision = compute.precision if compute.precision != "auto" else "bf16-mixed" if bf16 else "32-true"
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning_fabric")
    fabric = Fabric(accelerator=device, devices=1, precision=precision)
    fabric.launch()
    return fabric
