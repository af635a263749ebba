"""Streams that other threads work out in advance, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


def prefetch(items: Generator[T, None, None], count: int = 2) -> Iterator[T]:
    """Yield what `items` yields, up to `count` of it ready in advance; an error comes through in its place.

    The first is worked out in this thread: there an interrupt can end what waits for standard input.
    """
    ready: Queue[tuple[str, Any]] = Queue(count)
    enough = Event()

    def offer(kind: str, value: Any) -> bool:
        while not enough.is_set():
            try:
                ready.put((kind, value), timeout=0.1)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not offer("item", item):
                    items.close()
                    return
        except BaseException as error:
            offer("error", error)
        else:
            offer("end", None)

    for first in items:
        ready.put(("item", first))
        break
    else:
        return
    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        enough.set()
        thread.join(timeout=1)  # not for ever: it may wait for a disk that is gone


def map_ordered(work: Callable[[T], U], items: Iterable[T], workers: int) -> Iterator[U]:
    """Yield `work(item)` of each item, in order, some of them worked out at once."""
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
