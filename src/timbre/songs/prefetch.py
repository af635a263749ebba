"""Iterators that other threads fill in advance, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


def prefetch(items: Generator[T, None, None], count: int = 2) -> Iterator[T]:
    """Yield the items of a generator, and compute up to `count` of them in advance in another thread.

    An error of the generator is raised here, after the items before it. The first item is computed in the calling
    thread, so that Ctrl+C can interrupt waiting for standard input.
    """
    first = list(islice(items, 1))
    if not first:
        return
    ready: Queue[tuple[str, Any]] = Queue(count)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, ready, stopped), daemon=True)
    thread.start()
    try:
        yield from first
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join(timeout=1)  # no longer, because it may wait for a disk that was removed


def _fill(items: Generator[T, None, None], ready: Queue[tuple[str, Any]], stopped: Event) -> None:
    """Put all items into a queue, then their end or error; stop early when nobody reads the queue any more."""

    def put(kind: str, value: Any) -> bool:
        while not stopped.is_set():
            try:
                ready.put((kind, value), timeout=0.1)
            except Full:
                continue
            return True
        return False

    try:
        for item in items:
            if not put("item", item):
                items.close()
                return
    except BaseException as error:
        put("error", error)
    else:
        put("end", None)


def map_ordered(work: Callable[[T], U], items: Iterable[T], workers: int) -> Iterator[U]:
    """Yield `work(item)` for each item, in order, computed in several threads."""
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
