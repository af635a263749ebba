"""Training in several processes that exchange gradients (gloo), as it is on several GPUs or machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOY = Path(__file__).with_name("toy_training.py")


def toy(*arguments: int) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, TOY, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )


def test_two_processes_learn_as_one_does():
    """They hear the same batches in halves; only batch normalisation, over half a batch each, is not the same."""
    one, two = (json.loads(toy(devices).stdout) for devices in (1, 2))
    losses = [[epoch["train_loss"] for epoch in history] for history in (one, two)]
    assert losses[0] != losses[1]
    assert losses[1][:3] == pytest.approx(losses[0][:3], rel=0.1)
    assert two[-1]["validation_f1"] > 0.95


def test_a_killed_process_ends_the_others_with_one_line():
    result = toy(2, 2)
    assert result.returncode != 0
    assert "toy: another process of this training ended" in result.stderr
    assert "Traceback" not in result.stderr
    assert not result.stdout
