"""The history of a training: one row per epoch, written while the training runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from timbre.core.files import fresh_file
from timbre.core.tables import write_table
from timbre.model.tasks import Task


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of a training history. Train metrics are computed on the augmented clips during the epoch."""

    epoch: int
    train_loss: float
    train_f1: float
    validation_loss: float
    validation_f1: float


def write_history(path: Path, history: Sequence[Epoch]) -> None:
    """Write a history as a table."""
    with fresh_file(path) as table:
        write_table(table, history, Epoch)


@contextmanager
def live_history(folder: Path, task: Task) -> Iterator[Callable[[Sequence[Epoch]], None]]:
    """Yield a function that writes `<task>_history.csv`, so that plots show a running training.

    The file is deleted if the block fails.
    """
    path = folder / f"{task.name}_history.csv"
    try:
        yield partial(write_history, path)
    except (Exception, KeyboardInterrupt):  # a process that is not the first one ends with SystemExit
        path.unlink(missing_ok=True)
        raise


def ignore_history(_: Sequence[Epoch]) -> None:
    """Do nothing with a history."""


def summary(history: list[Epoch]) -> str:
    """Say how many epochs there were and which one is kept."""
    best = max(history, key=lambda epoch: (epoch.validation_f1, epoch.epoch))
    return f"{len(history)} epochs, the best is {best.epoch} with validation F1 {best.validation_f1:.3f}"
