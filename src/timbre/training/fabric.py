"""Where training runs: devices, processes, precision and threads, through Lightning Fabric."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL, CFUNCTYPE, c_void_p
from typing import Any

import torch
from lightning_fabric import Fabric
from threadpoolctl import threadpool_info
from torch import Tensor

from timbre.core.errors import ParamsError, WorkerError
from timbre.core.params import Compute


def make_fabric(compute: Compute) -> Fabric:
    """Choose device and precision, and make PyTorch repeatable.

    `auto` takes a CUDA GPU where there is one, and bf16 where the device computes in it.

    Raises:
        ParamsError: a GPU is asked for where there is none, or more GPUs than there are.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with this
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it takes 6 % of a step
    gpu = torch.cuda.is_available()
    if compute.device == "cuda" and not gpu:
        raise ParamsError("params.yaml: compute.device: cuda, but PyTorch sees no GPU here; use auto or cpu")
    if gpu and compute.device != "cpu" and compute.devices > torch.cuda.device_count():
        raise ParamsError(
            f"params.yaml: compute.devices: {compute.devices}, but there are {torch.cuda.device_count()} GPUs here"
        )
    device = "cuda" if gpu and compute.device != "cpu" else "cpu"
    bf16 = torch.cuda.is_bf16_supported() if device == "cuda" else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    precision = compute.precision if compute.precision != "auto" else "bf16-mixed" if bf16 else "32-true"
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning_fabric")
    several = compute.devices * compute.nodes > 1
    fabric = Fabric(
        accelerator=device,
        devices=compute.devices,
        num_nodes=compute.nodes,
        strategy="ddp" if several else "auto",
        precision=precision,
    )
    fabric.launch()
    return fabric


@contextmanager
def on_own_cores(threads: int) -> Iterator[None]:
    """Keep each of torch's threads on a core of its own, where there are no more cores than threads.

    Beside another busy process the kernel would put two of them on one core, and at each small operation one waits for
    the other. Where cores are to spare, it finds one. Elsewhere than on Linux, nothing is done.
    """
    torch.set_num_threads(threads)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not 1 < len(cores) <= threads:
        yield
        return
    _on_each_thread(threads, lambda number: os.sched_setaffinity(0, {cores[number % len(cores)]}))
    try:
        yield
    finally:
        _on_each_thread(threads, lambda _: os.sched_setaffinity(0, cores))


def _on_each_thread(threads: int, work: Callable[[int], None]) -> None:
    """Call `work` with its number on each thread that torch shares this one's operations with, which OpenMP keeps."""
    for library in threadpool_info():
        openmp = CDLL(library["filepath"]) if library["user_api"] == "openmp" else None
        if hasattr(openmp, "GOMP_parallel"):
            _in_parallel(openmp, threads, work)


def _in_parallel(openmp: Any, threads: int, work: Callable[[int], None]) -> None:
    """What compilers make of `#pragma omp parallel num_threads(threads)`."""
    region = CFUNCTYPE(None, c_void_p)(lambda _: work(openmp.omp_get_thread_num()))
    openmp.GOMP_parallel(region, None, threads, 0)


def all_gather(rows: Tensor, fabric: Fabric) -> Tensor:
    """The rows `[n, …]` of all processes, one after another."""
    if fabric.world_size == 1:
        return rows
    parts: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(parts, rows)
    return torch.cat(parts)


def keep_rank_zero(fabric: Fabric) -> None:
    """End all processes but the first, once all have come so far: what follows is for one."""
    if fabric.world_size > 1:
        fabric.barrier()
        torch.distributed.destroy_process_group()
    if not fabric.is_global_zero:
        raise SystemExit(0)


@contextmanager
def explain_lost_process(fabric: Fabric) -> Iterator[None]:
    """Tell in a line when another process of a training has ended, of which this one learns by a lost connection.

    Raises:
        WorkerError: that happened.
    """
    try:
        yield
    except RuntimeError as error:
        if fabric.world_size == 1:
            raise
        raise WorkerError(
            "another process of this training ended; its own message tells why. Nothing half-written is kept: run again"
        ) from error
