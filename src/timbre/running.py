"""What all stages share: outputs that appear whole or not at all, progress, one log line, one-line errors."""

import errno
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from timbre.errors import TimbreError

if TYPE_CHECKING:
    from timbre.params import Params

INTERRUPTED = "interrupted; nothing half-written is kept, the same command starts it again"
INTERRUPTED_STATUS = 130  # as shells have it

T = TypeVar("T")


def run_stage(name: str, stage: Callable[["Params"], str]) -> None:
    """Run one stage on params.yaml and end the process: status 0, or 1 with the reason in one line.

    `stage` returns what it did and how much, for the log line.
    """
    started = time.monotonic()
    with one_line_errors(name):
        from timbre.params import load_params

        summary = stage(load_params())
    print(f"{name}: {summary} in {time.monotonic() - started:.1f} s", flush=True)


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """Turn the errors that people can meet into one line on stderr and an exit status that is not 0.

    Ctrl-C and a request to terminate unwind the block first, so that nothing half-written stays.
    """
    terminal = os.dup(sys.__stderr__.fileno())

    def interrupt(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        # Threads and libraries that are torn down have nothing to add.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stderr__.fileno())
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        yield
    except TimbreError as error:
        _fail(name, str(error))
    except KeyboardInterrupt:
        os.write(terminal, f"{name}: {INTERRUPTED}\n".encode())
        _end(INTERRUPTED_STATUS)
    except MemoryError:
        _fail(name, "out of memory; close other programs or lower compute.workers in params.yaml")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            _fail(name, f"no space left to write {error.filename or 'its output'}; free some and run again")
        _fail(name, f"{error.filename or 'file'}: {error.strerror or error}")
    finally:
        os.close(terminal)


def _end(status: int) -> NoReturn:
    """Kill worker processes, which ignore Ctrl-C themselves, and end this one.

    At once: threads may still be at work in native code, and Python that ends by itself aborts where one comes back.
    """
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(kill_workers=True)
    os._exit(status)


def _fail(name: str, reason: str) -> NoReturn:
    print(f"{name}: {' '.join(reason.split())}", file=sys.stderr, flush=True)
    _end(1)


@contextmanager
def fresh_folder(path: Path | str) -> Iterator[Path]:
    """Yield an empty folder beside `path` that takes its place when the block ends well, and goes if not."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def fresh_file(path: Path | str) -> Iterator[Path]:
    """Yield a path beside `path`, with its suffix, that takes its place when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def progress(items: Iterable[T], description: str, total: int | None = None, unit: str = "clip") -> Iterable[T]:
    """Show a bar over `items` where there is a terminal, and nothing elsewhere."""
    from tqdm import tqdm

    return tqdm(items, desc=description, total=total, unit=unit, disable=None, leave=False, dynamic_ncols=True)


def repository_root() -> Path:
    """Where relative paths of params.yaml start: DVC's root, so that queued copies find the user's files."""
    return Path(os.environ.get("DVC_ROOT", "."))
