"""Apply one function to many items, on all cores or on a Dask cluster. Results come in order and do not differ."""

import os
import signal
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from timbre.core.errors import WorkerError
from timbre.core.params import Compute
from timbre.core.stage import progress

T = TypeVar("T")

SETTINGS = {
    # When workers are killed, joblib's tracker warns about the files that it cleans up.
    "PYTHONWARNINGS": "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker",
    # Keep freed arrays: glibc would return them to the system, which costs a quarter of the time of decoding.
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
) -> Generator[T, None, None]:
    """Yield `function(item)` for each item, in order, computed by several processes or by a Dask cluster.

    BLAS and FFT libraries get one thread per process, because their sums, and so the bytes, depend on the number.

    Args:
        function: a module-level function, with other arguments fixed by `functools.partial`. On a cluster, paths among
            these become absolute.
        items: one argument each. They should be small, because they are sent to the workers.
        compute: number of workers (0: one per core) and address of the scheduler, if any.
        description: label of the progress bar.
        unit: of the progress bar.
        threads: use threads of this process instead of processes, if there is no cluster. For functions that release
            Python's lock nearly all the time.

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
    """Yield results in order, computed by joblib."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    # Joblib warns if an error, such as a full disk, leaves results unused. The error itself is enough.
    warnings.filterwarnings("ignore", module=r"joblib\.parallel")
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    backend = {"backend": "threading"} if threads else {"backend": "loky", "inner_max_num_threads": 1}
    try:
        with parallel_config(**backend):
            with _ignoring_interrupts():
                calls = (delayed(function)(item) for item in items)
                jobs = min(workers, max(len(items), 1))
                results = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="4*n_jobs")(calls)
            yield from results
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process was killed, probably because memory ran out; no partial output is kept: "
            "run again, with fewer compute.workers in params.yaml if it happens again"
        ) from error


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C while workers start. Workers inherit this, so that only this process handles Ctrl-C."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
