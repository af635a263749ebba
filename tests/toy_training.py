"""A short training as a script, because Fabric starts its other processes by running the same command again.

usage: toy_training.py DEVICES [EPOCH]: with EPOCH, the second process is killed at the start of that epoch.
"""

import json
import os
import signal
import sys
from dataclasses import asdict
from itertools import count

import numpy as np
from helpers import TINY, committed_params
from test_training import QUIET, pack_of, validation, windows

from timbre.core.params import Compute, Params
from timbre.core.stage import one_line_errors
from timbre.core.yaml_file import with_changes
from timbre.model.tasks import LAYERED
from timbre.training.config import TrainingConfig
from timbre.training.sampling import EpochSample, sample_mixtures
from timbre.training.train import train

EPOCHS = 4


def learn(devices: int, killed_in: int = -1) -> list[dict]:
    """Train and return the history; -1: no process is killed."""
    tiny = Params.model_validate(with_changes(committed_params(), TINY))
    options = tiny.mixtures.model_copy(update={"fresh": 960})
    whole = QUIET.model_copy(update={"crop": 10.0})  # no process draws random values of its own
    config = TrainingConfig(
        tiny.instruments, 0, EPOCHS, 64, "muon", 0.01, tiny.audio, tiny.mel, tiny.model, whole, mask_loss=0.1
    )
    rows, epochs = windows(160, 1), count(1)

    def sample_epoch(rng: np.random.Generator) -> EpochSample:
        if next(epochs) == killed_in and os.environ.get("LOCAL_RANK") == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return sample_mixtures(rows, tiny.instruments, options, rng)

    compute = Compute(device="cpu", precision="32-true", threads=1, devices=devices)
    history = train(LAYERED, pack_of(rows), sample_epoch, validation(), config, compute)[1]
    return [asdict(epoch) for epoch in history]


if __name__ == "__main__":
    with one_line_errors("toy"):
        print(json.dumps(learn(*map(int, sys.argv[1:]))))
