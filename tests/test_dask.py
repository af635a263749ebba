"""Data stages on a local Dask cluster, also when the scheduler or a worker is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from repository import stages_run, tiny_clone

from timbre.core.errors import WorkerError
from timbre.core.params import Compute
from timbre.parallel.pool import parallel_map

DATA = ("download", "prepare", "extract_mels", "layer_mixtures")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start a scheduler and two workers on this machine. Return their processes and the scheduler's address."""
    folder = tmp_path_factory.mktemp("cluster")
    address = folder / "address"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = "from distributed.cli.dask_scheduler import main; main()"
    worker = "from distributed.cli.dask_worker import main; main()"
    command = [sys.executable, "-c"]
    here = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", address]
    processes = [
        subprocess.Popen([*command, scheduler, *here, "--port", "0"], **quiet),
        *(subprocess.Popen([*command, worker, *here, "--nthreads", "1", "--no-nanny"], **quiet) for _ in range(2)),
    ]
    try:
        yield processes, _address(address)
    finally:
        for process in processes:
            if process.poll() is None:
                for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                    each.kill()
        for process in processes:
            process.wait()


def _address(path: Path) -> str:
    for _ in range(600):
        if path.is_file() and path.read_text().endswith("}"):
            return json.loads(path.read_text())["address"]
        time.sleep(0.1)
    raise TimeoutError("no scheduler started")


def test_a_cluster_writes_the_same_bytes_as_one_process(cluster, pipeline, tmp_path):
    repository = tiny_clone(tmp_path / "clone")
    repository.set_params({"compute": {"scheduler": cluster[1]}})
    assert set(DATA) <= set(stages_run(repository.run("dvc repro extract_mels layer_mixtures")))
    assert repository.hashes(*DATA) == pipeline.hashes(*DATA)


def test_a_cluster_that_goes_away_gives_a_one_line_error(cluster):
    processes, address = cluster  # the last test of the cluster
    results = parallel_map(partial(time.sleep), [0.2] * 200, Compute(scheduler=address), "wait")
    next(results)
    processes[0].send_signal(signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"scheduler or workers went away.*no partial output is kept"):
        list(results)


def test_no_scheduler_at_the_address_gives_a_one_line_error():
    with pytest.raises(WorkerError, match="no Dask scheduler answers at tcp"):
        list(parallel_map(abs, [1], Compute(scheduler="tcp://127.0.0.1:1"), "wait"))


def test_a_killed_worker_gives_a_one_line_error():
    with pytest.raises(WorkerError, match="a worker process was killed"):
        list(parallel_map(_die_at_three, range(8), Compute(workers=2), "die"))


def test_unused_results_give_no_warning(recwarn):
    results = parallel_map(abs, range(3000), Compute(workers=2), "leave", threads=True)
    next(results)
    time.sleep(0.5)
    results.close()
    assert not recwarn.list


def test_a_stage_with_a_killed_worker_leaves_no_output_and_can_run_again(tmp_path):
    repository = tiny_clone(tmp_path)
    repository.set_params({"compute": {"workers": 2}, "soundfont": {"clips": 1600}})
    stage = repository.start(sys.executable, "-m", "stages.download")
    _worker_of(stage.pid).kill()
    _, errors = stage.communicate(timeout=120)
    assert stage.returncode == 1
    assert errors.startswith("download: a worker process was killed")
    assert len(errors.splitlines()) == 1
    assert not any((tmp_path / "data").glob("**/*.flac"))
    repository.set_params({"soundfont": {"clips": 80}})
    repository.run("dvc repro download")


def _worker_of(pid: int) -> psutil.Process:
    """Return a worker process that has started to work."""
    for _ in range(600):
        for child in psutil.Process(pid).children(recursive=True):
            if "popen_loky" in " ".join(child.cmdline()) and child.cpu_times().user > 1:
                return child
        time.sleep(0.1)
    raise TimeoutError("no worker started")


def _die_at_three(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item
