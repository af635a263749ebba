"""Downloads a pinned version of the Kaggle data set with Kaggle's client, and retries when the network fails.

The client can resume a broken download only in its own cache, not in an `output_dir` (it refuses a folder that is not
empty). It never retries, and most of its calls have no timeout. We therefore put its cache into the folder to fill
for the time of the download, and we add retries and timeouts.
"""

import errno
import logging
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from timbre.core.errors import DataError
from timbre.core.params import Kaggle
from timbre.sources.copy import copy_dataset
from timbre.sources.files import find_dataset
from timbre.sources.folder import folder_files
from timbre.sources.names import target_path

RETRIES = 4  # retries in a row without progress
FIRST_DELAY = 2.0  # seconds before the first retry; doubles with each retry
MAX_DELAY = 300.0  # seconds; if Kaggle asks us to wait longer, we give up
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two parts of a response
DAMAGED = "the zip from Kaggle arrived damaged"
CACHE_VARIABLE = "KAGGLEHUB_CACHE"


@dataclass(frozen=True)
class Failure:
    """Why one attempt failed.

    Attributes:
        reason: What happened, in the same words for all failures of one kind.
        detail: The client's or the system's message, or empty.
        advice: What the user can do about it.
        retries: Number of retries in a row that are worthwhile.
        wait: Seconds that Kaggle asks to wait before a retry.
    """

    reason: str
    detail: str = ""
    advice: str = "run again later"
    retries: int = 0
    wait: float = 0.0

    def __str__(self) -> str:
        detail = " ".join(self.detail.split())
        return f"{self.reason} ({detail})" if detail else self.reason


def download_dataset(kaggle: Kaggle, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Download the pinned version of a data set into `folder`. Nothing is left in the user's home.

    Kaggle's client finds credentials in the environment or in `~/.kaggle`, or works without them.

    Returns:
        Handle, version, and the number of other files that were left out.

    Raises:
        DataError: The download failed. The text says why, and how to download by hand.
    """
    origin = {"handle": kaggle.handle, "version": kaggle.version}
    with TemporaryDirectory(prefix=".kagglehub-", dir=folder) as cache:
        root = _download(kaggle, Path(cache))
        if not root.is_relative_to(cache):  # Kaggle's and Colab's notebooks mount a read-only folder
            return origin | copy_dataset(root, instruments, folder)
        with folder_files(root) as files:
            prefix, names = find_dataset(files, f"{kaggle.handle} version {kaggle.version}")
        names = [name for name in names if not (root / prefix / name).is_symlink()]  # a tar can contain links
        for name in names:
            target = target_path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            (root / prefix / name).replace(target)
    return origin | {"ignored": len(files) - len(names)}


def _download(kaggle: Kaggle, cache: Path) -> Path:
    """Download and unpack in `cache`, with retries, and return the folder of the data set.

    Raises:
        DataError: The download failed.
    """
    import kagglehub

    most, tries = 0, Counter[str]()
    while True:
        try:
            with _controlled_client(cache):
                return Path(kagglehub.dataset_download(f"{kaggle.handle}/versions/{kaggle.version}"))
        except MemoryError:
            raise
        except Exception as error:
            received = sum(archive.stat().st_size for archive in cache.glob("datasets/*/*/*.archive"))
            failure = _explain(error, kaggle, received)
            if failure.reason == DAMAGED:
                shutil.rmtree(cache / "datasets")
            if received > most:  # the download has made progress, so count retries from 0 again
                most, tries = received, Counter()
            tries[failure.reason] += 1
            _wait(failure, tries[failure.reason], kaggle, error)


def _wait(failure: Failure, tries: int, kaggle: Kaggle, error: Exception) -> None:
    """Print a line about the retry and sleep until it is due.

    Raises:
        DataError: A retry would not help, or there were too many.
    """
    delay = max(FIRST_DELAY * 2 ** (tries - 1), failure.wait)
    if tries > failure.retries or delay > MAX_DELAY:
        count = f", {tries} times in a row" if tries > 1 else ""
        by_hand = (
            f"or download https://www.kaggle.com/datasets/{kaggle.handle}/versions/{kaggle.version} in a browser"
            " and run: dvc exp run -S data.source=folder -S data.folder=archive.zip"
        )
        raise DataError(f"{failure}{count}; {failure.advice}, {by_hand}") from error
    print(f"kaggle: {failure}; retry {tries} of {failure.retries} in {delay:.3g} s", file=sys.stderr, flush=True)
    time.sleep(delay)


def _explain(error: Exception, kaggle: Kaggle, received: int) -> Failure:
    """Return what an error of the client means, after `received` bytes of the zip have arrived."""
    import requests
    from kagglehub.exceptions import DataCorruptionError
    from urllib3.exceptions import MaxRetryError

    response = getattr(error, "response", None)
    if response is not None:
        return _explain_response(response, kaggle)
    if isinstance(error, requests.ConnectionError) and any(isinstance(arg, MaxRetryError) for arg in error.args):
        retries = RETRIES if received else 0  # if nothing was received, there is no network: fail at once
        return Failure("Kaggle cannot be reached", _cause(error), "check network and proxy and run again", retries)
    if isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError):
        return Failure("the connection to Kaggle was lost", _cause(error), retries=RETRIES)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Failure("no space left for the download", advice="free some (the zip and its files need space together)")
    if received or isinstance(error, DataCorruptionError):
        return Failure(DAMAGED, str(error), retries=1)
    return Failure("Kaggle's client failed", str(error), "correct that and run again")


def _explain_response(response: Any, kaggle: Kaggle) -> Failure:
    """Return what an error response from Kaggle means."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    wanted, status = f"{kaggle.handle} version {kaggle.version}", response.status_code
    if status == 404:
        return Failure(f"Kaggle has no {wanted}", "404", "correct data.kaggle in params.yaml")
    if status in (401, 403):
        advice = "check data.kaggle.handle and put a token from kaggle.com/settings into KAGGLE_API_TOKEN"
        return Failure(f"Kaggle refuses {wanted}", str(status), advice)
    if status in (408, 429) or status >= 500:
        try:
            wait = Retry().get_retry_after(response) or 0.0
        except InvalidHeader:
            wait = 0.0
        return Failure(f"Kaggle answers {status}", response.reason, retries=RETRIES, wait=wait)
    return Failure(f"Kaggle answers {status}", response.reason, "correct data.kaggle in params.yaml")


def _cause(error: BaseException) -> str:
    """Return the message of the first error in the chain, which comes from the system or the server."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def _controlled_client(cache: Path) -> Iterator[None]:
    """Make Kaggle's client store files in `cache`, use timeouts, and show progress on a terminal only."""
    from requests.adapters import HTTPAdapter

    send, home = HTTPAdapter.send, os.environ.get(CACHE_VARIABLE)

    def send_with_timeout(adapter: HTTPAdapter, request: Any, **options: Any) -> Any:
        return send(adapter, request, **options | {"timeout": options.get("timeout") or TIMEOUT})

    logging.getLogger("kagglehub").setLevel(logging.ERROR)
    setattr(HTTPAdapter, "send", send_with_timeout)  # noqa: B010 (type checkers refuse an assignment to a method)
    os.environ[CACHE_VARIABLE] = str(cache)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            progress_bar = sys.stderr if sys.stderr.isatty() else nowhere
            with redirect_stdout(nowhere), redirect_stderr(progress_bar):
                yield
    finally:
        setattr(HTTPAdapter, "send", send)  # noqa: B010
        if home is None:
            del os.environ[CACHE_VARIABLE]
        else:
            os.environ[CACHE_VARIABLE] = home
