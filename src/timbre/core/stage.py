"""What all stages share: outputs that appear whole or not at all, progress, one log line, one-line errors."""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, TypeVar

from timbre.core.errors import TimbreError
from timbre.core.extras import install
from timbre.core.printable import printable

if TYPE_CHECKING:
    from timbre.core.params import Params

INTERRUPTED = "interrupted; nothing half-written is kept, the same command starts it again"
INTERRUPTED_STATUS = 130  # as shells have it
MOMENT = 2.0  # seconds until a bar is shown

T = TypeVar("T")


def run_stage(name: str, stage: Callable[["Params"], str]) -> None:
    """Run one stage on params.yaml and end the process: status 0, or 1 with the reason in one line.

    `stage` returns what it did and how much, for the log line.
    """
    started = time.monotonic()
    with one_line_errors(name):
        from timbre.core.params import load_params

        summary = stage(load_params())
        print(printable(f"{name}: {summary} in {time.monotonic() - started:.1f} s"), flush=True)


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """Turn the errors that people can meet into one line on stderr and an exit status that is not 0.

    Where nobody reads what is printed any more, as `head` does not, the status is all that is said.
    """
    open_standard_streams()
    with _interruptible(name):
        try:
            yield
        except SystemExit as error:
            _end(error)
        except TimbreError as error:
            _fail(name, str(error))
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("timbre"):
                raise
            _fail(name, f"this needs {error.name}, not installed; {install('pipeline')}")
        except MemoryError:
            _fail(name, "out of memory; close other programs or lower compute.workers in params.yaml")
        except BrokenPipeError:
            _silence(sys.__stdout__)
            _end(SystemExit(1))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                _fail(name, f"no space left to write {error.filename or 'its output'}; free some and run again")
            _fail(name, f"{error.filename or 'file'}: {error.strerror or error}")


def open_standard_streams() -> None:
    """Let what is printed end no run: by a stream that is closed, or a letter that stdout's encoding lacks.

    Closed ones lead to nowhere from here on, in child processes too; else files opened later would get their numbers.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, f"__{name}__") is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 (as long as the process lives)
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    if isinstance(sys.__stdout__, TextIOWrapper):
        sys.__stdout__.reconfigure(errors="replace")


@contextmanager
def _interruptible(name: str) -> Iterator[None]:
    """Let Ctrl-C and a request to terminate unwind the block, so that nothing half-written stays, then end the process.

    What libraries make of the interrupt, such as an exit of their own, does not matter.
    """
    assert sys.__stderr__  # as `open_standard_streams` left it
    terminal = os.dup(sys.__stderr__.fileno())
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _silence(sys.__stderr__)  # threads and libraries that are torn down have nothing to add
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        if interrupted:
            try:
                _end_workers()
            finally:
                end_interrupted(name, terminal)
        os.close(terminal)


def end_interrupted(name: str, terminal: int = 2) -> NoReturn:
    """Say so and end the process at once: threads may still be at work in native code."""
    with suppress(OSError):
        os.write(terminal, f"{name}: {INTERRUPTED}\n".encode())
    os._exit(INTERRUPTED_STATUS)


def _silence(stream: TextIO | None) -> None:
    assert stream  # as `open_standard_streams` left it
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end_workers() -> None:
    """Kill worker processes, which ignore Ctrl-C themselves."""
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def _fail(name: str, reason: str) -> NoReturn:
    try:
        print(printable(f"{name}: {' '.join(reason.split())}"), file=sys.stderr, flush=True)
    except OSError:  # nobody reads it any more
        _silence(sys.__stderr__)
    _end(SystemExit(1))


def _end(reason: SystemExit) -> NoReturn:
    """End the process, at once where threads are still at work: in native code they do not survive the interpreter."""
    if threading.active_count() > 1:
        _end_workers()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(reason.code if isinstance(reason.code, int) else int(reason.code is not None))
    raise reason


def progress(items: Iterable[T], description: str, total: int | None = None, unit: str = "clip") -> Iterable[T]:
    """Show a bar over `items` where there is a terminal, and nothing elsewhere."""
    return _bar(items, desc=description, total=total, unit=unit)


@contextmanager
def seconds_done(name: str) -> Iterator[Callable[[float], object]]:
    """Count the seconds of a song that were heard, where there is a terminal and it takes more than a moment.

    What this gives is to be called with how many more there are.
    """
    with _bar(desc=printable(name.replace("\\", "/").rsplit("/", 1)[-1]), unit="s", delay=MOMENT) as bar:
        yield bar.update


def _bar(items: Any = None, **options: Any) -> Any:
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own: an interrupt ends a process that has none with one line
    return tqdm(items, disable=None, leave=False, dynamic_ncols=True, **options)
