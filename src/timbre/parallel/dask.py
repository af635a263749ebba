"""Run the data stages on a Dask cluster, with Dask's own client.

Joblib's Dask backend is not used: when the scheduler goes away it returns cancelled tasks as results, and may then
wait for ever. Workers must share this machine's file system and run the same code. Each task checks both, because a
clip that one worker cannot see would otherwise be reported as broken.
"""

import hashlib
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from timbre.core.errors import WorkerError
from timbre.core.extras import install

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0  # seconds to find the scheduler
NO_WORKER_TIMEOUT = 60.0  # seconds without any worker
QUEUED_PER_CORE = 4  # tasks per core, so that no core waits
MIN_QUEUED = 64  # tasks, because workers may join later


def on_cluster(function: Callable[..., T], items: Iterable[Any], scheduler: str) -> Iterator[T]:
    """Yield `function(item)` for each item, in order. A limited number of results is computed ahead.

    Args:
        function: a module-level function, with other arguments fixed by `functools.partial`.
        items: one argument each.
        scheduler: address of the Dask scheduler, such as tcp://host:8786.

    Raises:
        WorkerError: Dask is not installed; the scheduler cannot be reached, has no workers or goes away; or workers
            die, do not see this machine's files or run other code.
    """
    client = _connect(scheduler)
    finished = Event()
    Thread(target=_give_up_without_workers, args=(client, finished), daemon=True).start()
    call = partial(_checked, _with_absolute_paths(function), code_stamp())
    queued: deque[Future] = deque()
    try:
        limit = max(MIN_QUEUED, QUEUED_PER_CORE * sum(client.ncores().values()))
        for item in items:
            queued.append(client.submit(call, item, pure=False))
            if len(queued) > limit:
                yield queued.popleft().result()
        while queued:
            yield queued.popleft().result()
    except Exception as error:
        if reason := _reason(error, client):
            raise WorkerError(f"compute.scheduler: {scheduler}: {reason}") from error
        raise
    finally:
        finished.set()
        queued.clear()
        with suppress(Exception):
            client.close(timeout=1)


def _connect(scheduler: str) -> "Client":
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise WorkerError(
            f"compute.scheduler: Dask is not installed; {install('dask')}, or leave compute.scheduler empty"
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # errors are reported in one line here
    try:
        # Dask's client would print a traceback if nothing answers at the address.
        socket.create_connection(get_address_host_port(scheduler), CONNECT_TIMEOUT).close()
        return Client(scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"compute.scheduler: no Dask scheduler answers at {scheduler} ({error}); start one with dask scheduler, "
            "or leave compute.scheduler empty"
        ) from error


def _give_up_without_workers(client: "Client", finished: Event) -> None:
    """Close the client, which cancels its tasks, once there has been no worker for a while. Dask itself would wait."""
    last_seen = monotonic()
    while not finished.wait(1):
        try:
            if client.ncores():
                last_seen = monotonic()
            elif monotonic() - last_seen > NO_WORKER_TIMEOUT:
                client.close()
                return
        except (OSError, RuntimeError):
            return  # the scheduler is gone, and Dask reports that by itself


def _with_absolute_paths(function: Callable[..., T]) -> partial[T]:
    """Return the same call with absolute paths, for processes that run in another folder."""
    if not isinstance(function, partial):
        return partial(function)
    return partial(
        function.func,
        *map(_absolute, function.args),
        **{name: _absolute(value) for name, value in function.keywords.items()},
    )


def _absolute(value: Any) -> Any:
    return value.absolute() if isinstance(value, Path) else value


def _checked(function: partial[T], stamp: str, item: Any) -> T:
    """Call a function on a worker, after checking that the worker sees the files and runs the same code.

    Args:
        function: the call, without its last argument.
        stamp: `code_stamp` of the process that sent the task.
        item: the last argument.

    Raises:
        WorkerError: the worker does not see a path among the arguments, or runs other code.
    """
    if stamp != code_stamp():
        raise WorkerError(
            f"worker {socket.gethostname()} runs another version of Timbre; restart the workers from this copy"
        )
    for path in (*function.args, *function.keywords.values()):
        if isinstance(path, Path) and not path.exists():
            raise WorkerError(f"worker {socket.gethostname()} does not see {path}; workers must share this file system")
    return function(item)


@cache
def code_stamp() -> str:
    """Return a hash of this package's source, as it was when the process first called this."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _reason(error: Exception, client: "Client") -> str:
    """Return what happened to the cluster and what to do. Empty if the cluster did not cause the error."""
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "one task ended several workers, probably out of memory; give them more and run again"
    if isinstance(error, CancelledError | CommClosedError) or client.status != "running":
        return (
            f"scheduler or workers went away, or there was no worker for {NO_WORKER_TIMEOUT:.0f} s; no partial output "
            "is kept: start them and run again"
        )
    return ""
