"""How a stage runs: one line in the log, errors of one line, interrupts and progress bars."""

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

INTERRUPTED = "interrupted; no partial output is kept; run the same command again"
INTERRUPTED_STATUS = 130  # as in shells
BAR_DELAY = 2.0  # seconds before the progress bar of a song appears

T = TypeVar("T")


def run_stage(name: str, stage: Callable[["Params"], str]) -> None:
    """Run a stage with the params of params.yaml. If it fails, print the reason in one line and exit with status 1.

    Args:
        name: The name of the stage, for the log.
        stage: A function that takes the params and returns a summary of its work, for the log.
    """
    started = time.monotonic()
    with one_line_errors(name):
        from timbre.core.params import load_params

        summary = stage(load_params())
        print(printable(f"{name}: {summary} in {time.monotonic() - started:.1f} s"), flush=True)


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """Turn expected errors into one line on stderr and an exit status that is not 0.

    If the reader of stdout has gone, as `head` does, only the exit status reports it.

    Args:
        name: The name of the stage or command, which starts the line.
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
    """Make sure that printing does not fail, on a closed stream or for characters that stdout cannot encode.

    Closed streams are opened on the null device, in child processes too. Otherwise files that are opened later would
    get their file descriptors.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, f"__{name}__") is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 (stays open until the process ends)
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    if isinstance(sys.__stdout__, TextIOWrapper):
        sys.__stdout__.reconfigure(errors="replace")


@contextmanager
def _interruptible(name: str) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, raise KeyboardInterrupt in the block, then end the process.

    The exception lets the block delete partial output. Libraries may turn it into another one without effect.
    """
    assert sys.__stderr__  # see `open_standard_streams`
    terminal = os.dup(sys.__stderr__.fileno())
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _silence(sys.__stderr__)  # threads and libraries print errors while they end
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
    """Print that the process was interrupted and end it at once: threads may still run native code."""
    with suppress(OSError):
        os.write(terminal, f"{name}: {INTERRUPTED}\n".encode())
    os._exit(INTERRUPTED_STATUS)


def _silence(stream: TextIO | None) -> None:
    assert stream  # see `open_standard_streams`
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end_workers() -> None:
    """Kill worker processes, which ignore Ctrl-C themselves."""
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def _fail(name: str, reason: str) -> NoReturn:
    try:
        print(printable(f"{name}: {' '.join(reason.split())}"), file=sys.stderr, flush=True)
    except OSError:  # the reader of stderr has gone
        _silence(sys.__stderr__)
    _end(SystemExit(1))


def _end(reason: SystemExit) -> NoReturn:
    """End the process, at once if threads still run: native code crashes when the interpreter ends first."""
    if threading.active_count() > 1:
        _end_workers()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(reason.code if isinstance(reason.code, int) else int(reason.code is not None))
    raise reason


def progress(items: Iterable[T], description: str, total: int | None = None, unit: str = "clip") -> Iterable[T]:
    """Yield `items`, with a progress bar if stderr is a terminal."""
    return _bar(items, desc=description, total=total, unit=unit)


@contextmanager
def seconds_done(name: str) -> Iterator[Callable[[float], object]]:
    """Show a progress bar of the seconds of a song that were processed, if stderr is a terminal and it takes long.

    Yields:
        A function to call with the number of further seconds.
    """
    with _bar(desc=printable(name.replace("\\", "/").rsplit("/", 1)[-1]), unit="s", delay=BAR_DELAY) as bar:
        yield bar.update


def _bar(items: Any = None, **options: Any) -> Any:
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no monitor thread: without threads, an interrupted process ends with one line
    return tqdm(items, disable=None, leave=False, dynamic_ncols=True, **options)
