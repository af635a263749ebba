"""One function over many items on all cores: results in order, the same bytes however many cores."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from timbre.running import progress

T = TypeVar("T")


def parallel_map(
    function: Callable[..., T],
    items: Sequence[Any],
    workers: int,
    description: str,
    unit: str = "clip",
    threads: bool = False,
) -> Iterator[T]:
    """Yield `function(item)` for each item, in order, computed by `workers` processes (0: one a core).

    `threads` takes threads instead: for functions that leave Python's lock for nearly all their time.

    BLAS and FFT libraries get one thread a process: their sums, and so the bytes, depend on the number.
    """
    workers = min(workers or os.cpu_count() or 1, max(len(items), 1))
    backend = {"backend": "threading"} if threads else {"backend": "loky", "inner_max_num_threads": 1}
    # When workers are killed, joblib's tracker warns of what it then cleans up.
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker")
    with parallel_config(**backend), threadpool_limits(1):
        with _deaf_to_interrupts():
            results = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="4*n_jobs")(
                delayed(function)(item) for item in items
            )
        yield from progress(results, description, total=len(items), unit=unit)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start workers that leave Ctrl-C to this process, which ends them: what a process ignores, its children do too."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
