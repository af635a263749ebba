"""A Dask cluster for the data stages, by Dask's own client.

Joblib has a backend for Dask too, which takes what was cancelled for results when a scheduler goes away, and may then
wait for ever. Workers read and write the very files of this process, so that they have to share its file system, and
they have to run the same code. Each task checks both: a clip that one worker alone cannot see would else be taken for a
broken one.
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
QUEUED_PER_CORE = 4  # tasks for each core, so that none waits
MIN_QUEUED = 64  # tasks, as cores may come later


def on_cluster(function: Callable[..., T], items: Iterable[Any], scheduler: str) -> Iterator[T]:
    """Yield `function(item)` for each item, in order, some worked out ahead.

    Raises:
        WorkerError: Dask is not installed; the scheduler cannot be reached, has no workers or goes away; workers die,
            do not see this machine's files or run other code.
    """
    client = _connect(scheduler)
    over = Event()
    Thread(target=_give_up_without_workers, args=(client, over), daemon=True).start()
    call = partial(_checked, _with_absolute_paths(function), code_stamp())
    waiting: deque[Future] = deque()
    try:
        most = max(MIN_QUEUED, QUEUED_PER_CORE * sum(client.ncores().values()))
        for item in items:
            waiting.append(client.submit(call, item, pure=False))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except Exception as error:
        if reason := _reason(error, client):
            raise WorkerError(f"compute.scheduler: {scheduler}: {reason}") from error
        raise
    finally:
        over.set()
        waiting.clear()
        with suppress(Exception):
            client.close(timeout=1)


def _connect(scheduler: str) -> "Client":
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise WorkerError(
            f"compute.scheduler: needs distributed, not installed; {install('dask')}, or leave compute.scheduler empty"
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in one line, here
    try:
        # Dask's client leaves a traceback behind where nobody answers.
        socket.create_connection(get_address_host_port(scheduler), CONNECT_TIMEOUT).close()
        return Client(scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"compute.scheduler: no Dask scheduler answers at {scheduler} ({error}); start one with dask scheduler, "
            "or leave compute.scheduler empty"
        ) from error


def _give_up_without_workers(client: "Client", over: Event) -> None:
    """Close the client, which cancels all that waits, once there has been no worker for a while; Dask would wait."""
    seen = monotonic()
    while not over.wait(1):
        try:
            if client.ncores():
                seen = monotonic()
            elif monotonic() - seen > NO_WORKER_TIMEOUT:
                client.close()
                return
        except (OSError, RuntimeError):
            return  # the scheduler is gone, which Dask tells by itself


def _with_absolute_paths(function: Callable[..., T]) -> partial[T]:
    """The same call for processes that run elsewhere."""
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
    """Call a function on a worker, if that sees the files and has the code of whom it works for."""
    if stamp != code_stamp():
        raise WorkerError(
            f"worker {socket.gethostname()} runs other code of Timbre; restart the workers from this copy"
        )
    for path in (*function.args, *function.keywords.values()):
        if isinstance(path, Path) and not path.exists():
            raise WorkerError(f"worker {socket.gethostname()} does not see {path}; workers must share this file system")
    return function(item)


@cache
def code_stamp() -> str:
    """Hash of this package's source, as it is when a process first asks."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _reason(error: Exception, client: "Client") -> str:
    """What became of the cluster, and the way out; empty where the error is not the cluster's."""
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "one task ended several workers, as when memory runs out; give them more and run again"
    if isinstance(error, CancelledError | CommClosedError) or client.status != "running":
        return (
            f"scheduler or workers went away, or no worker came for {NO_WORKER_TIMEOUT:.0f} s; nothing half-written is "
            "kept: start them and run again"
        )
    return ""
