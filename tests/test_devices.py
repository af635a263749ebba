"""Training in several processes that exchange gradients (gloo), as it is on several GPUs or machines."""

import json
import os
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


OWN_CORES = """
import os
from pathlib import Path
from timbre.training.fabric import on_own_cores

def cores():
    return sorted(sorted(os.sched_getaffinity(int(path.name))) for path in Path("/proc/self/task").iterdir())

count = len(os.sched_getaffinity(0))
import torch
torch.set_num_threads(count)
torch.ones(1 << 20).mul_(2)  # as where a model was loaded before: the threads are there already
before = os.sched_getaffinity(0)
with on_own_cores(count):
    assert [each for each in cores() if len(each) == 1] == [[core] for core in sorted(before)], cores()
assert all(each == sorted(before) for each in cores()), cores()
with on_own_cores(count - 1):
    assert os.sched_getaffinity(0) == before
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets a program choose cores")
def test_threads_have_a_core_each_where_there_are_as_many_and_are_free_again_after():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core alone")
    done = subprocess.run([sys.executable, "-c", OWN_CORES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
