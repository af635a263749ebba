"""Training in several processes that exchange gradients (gloo), like training on several GPUs or machines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_training import learn

TOY = Path(__file__).with_name("toy_training.py")


def toy(*arguments: int) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, TOY, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )


def test_two_processes_learn_as_one_does():
    """They use halves of the same batches. Only batch normalisation differs, because it sees half a batch."""
    one, two = learn(1), json.loads(toy(2).stdout)
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
torch.ones(1 << 20).mul_(2)  # creates the threads, as loading a model does
before = os.sched_getaffinity(0)
with on_own_cores(count):
    assert [own for own in cores() if len(own) == 1] == [[core] for core in sorted(before)], cores()
assert all(allowed == sorted(before) for allowed in cores()), cores()
with on_own_cores(count - 1):
    assert os.sched_getaffinity(0) == before
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets a program choose its cores")
def test_each_thread_is_pinned_to_its_own_core_and_freed_afterwards():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is only one core")
    done = subprocess.run([sys.executable, "-c", OWN_CORES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
