"""One function over many items, on all cores or on a Dask cluster: results in order, the same bytes wherever."""

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from timbre.core.errors import WorkerError
from timbre.core.params import Compute
from timbre.core.stage import progress

T = TypeVar("T")

SETTINGS = {
    # When workers are killed, joblib's tracker warns of what it then cleans up.
    "PYTHONWARNINGS": "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker",
    # glibc would give freed arrays back to the system, which clears every page of the next: a quarter of decoding.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 26),
}


def parallel_map(
    function: Callable[..., T],
    items: Sequence[Any],
    compute: Compute,
    description: str,
    unit: str = "clip",
    threads: bool = False,
) -> Iterator[T]:
    """Yield `function(item)` for each item, in order, computed by `compute.workers` processes or `compute.scheduler`'s.

    `threads` takes threads of this process instead, where there is no cluster: for functions that leave Python's lock
    for nearly all their time.

    BLAS and FFT libraries get one thread per process: their sums, and so the bytes, depend on the number.

    Args:
        function: a function of a module, with arguments fixed by `functools.partial`; on a cluster, paths among these
            become absolute.
        items: small, since they travel.
        compute: workers (0: one per core) and scheduler.
        description: beside the progress bar.
        unit: of the progress bar.
        threads: see above.

    Raises:
        WorkerError: a worker was killed, or the cluster cannot be reached or went away.
    """
    if compute.scheduler:
        from timbre.parallel.dask import on_cluster

        results = on_cluster(function, items, compute.scheduler)
    else:
        results = _on_this_machine(function, items, compute.workers or os.cpu_count() or 1, threads)
    with threadpool_limits(1):
        yield from progress(results, description, total=len(items), unit=unit)


def _on_this_machine(function: Callable[..., T], items: Sequence[Any], workers: int, threads: bool) -> Iterator[T]:
    """Yield results in order, by joblib."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    # That results were left over, as when the disk was full: the error says what matters.
    warnings.filterwarnings("ignore", module=r"joblib\.parallel")
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    backend = {"backend": "threading"} if threads else {"backend": "loky", "inner_max_num_threads": 1}
    try:
        with parallel_config(**backend):
            with _deaf_to_interrupts():
                calls = (delayed(function)(item) for item in items)
                jobs = min(workers, max(len(items), 1))
                results = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="4*n_jobs")(calls)
            yield from results
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process was killed, as systems do when memory runs out; nothing half-written is kept: "
            "run again, if need be with fewer compute.workers in params.yaml"
        ) from error


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start workers that leave Ctrl-C to this process, which ends them: what a process ignores, its children do too."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
