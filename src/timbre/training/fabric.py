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
    """Choose device and precision, start the processes, and make PyTorch deterministic.

    `auto` uses a CUDA GPU if there is one, and bf16 if the device supports it.

    Raises:
        ParamsError: The params ask for a GPU where there is none, or for more GPUs than there are.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # would take 6 % of a step
    gpu = torch.cuda.is_available()
    if compute.device == "cuda" and not gpu:
        raise ParamsError("params.yaml: compute.device: cuda, but PyTorch finds no GPU; use auto or cpu")
    if gpu and compute.device != "cpu" and compute.devices > torch.cuda.device_count():
        raise ParamsError(
            f"params.yaml: compute.devices: {compute.devices}, but there are {torch.cuda.device_count()} GPUs; lower it"
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
    """Pin each of torch's threads to its own core, if there are at most as many cores as threads. Linux only.

    While another process is busy, the kernel would otherwise put two threads on one core. Each small operation would
    then wait for the slower thread. With spare cores, the kernel finds a free one itself.
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
    """Call `work(number)` on each OpenMP thread that torch splits this thread's operations among."""
    for library in threadpool_info():
        openmp = CDLL(library["filepath"]) if library["user_api"] == "openmp" else None
        if hasattr(openmp, "GOMP_parallel"):
            _in_parallel(openmp, threads, work)


def _in_parallel(openmp: Any, threads: int, work: Callable[[int], None]) -> None:
    """Call `work(number)` on each thread, like code that is compiled from `#pragma omp parallel`."""
    region = CFUNCTYPE(None, c_void_p)(lambda _: work(openmp.omp_get_thread_num()))
    openmp.GOMP_parallel(region, None, threads, 0)


def all_gather(rows: Tensor, fabric: Fabric) -> Tensor:
    """Return the rows `[n, …]` of all processes, concatenated."""
    if fabric.world_size == 1:
        return rows
    parts: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(parts, rows)
    return torch.cat(parts)


def keep_rank_zero(fabric: Fabric) -> None:
    """Wait for all processes, then end all except the first, which does the rest alone."""
    if fabric.world_size > 1:
        fabric.barrier()
        torch.distributed.destroy_process_group()
    if not fabric.is_global_zero:
        raise SystemExit(0)


@contextmanager
def explain_lost_process(fabric: Fabric) -> Iterator[None]:
    """Turn the lost connection to another training process into a one-line error.

    Raises:
        WorkerError: Another process of this training ended.
    """
    try:
        yield
    except RuntimeError as error:
        if fabric.world_size == 1:
            raise
        raise WorkerError(
            "another process of this training ended; its own message says why. No partial output is kept: run it again"
        ) from error
