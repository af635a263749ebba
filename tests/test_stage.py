"""How a stage ends, even while threads run native code."""

import json
import subprocess
import sys

# Each attempt is a fork of one process, which imported PyTorch and started no thread. It ends as any process does.
SCRIPT = """
import json
import os
import sys
import threading
import torch
from timbre.core import params
from timbre.core.errors import DataError
from timbre.core.stage import run_stage

params.load_params = lambda: None

def busy(started):
    torch.set_num_threads(1)
    matrix = torch.ones(300, 300)
    started.set()
    while True:
        matrix = (matrix @ matrix).clamp_max(1)

def stage(_):
    for _ in range(4):
        started = threading.Event()
        threading.Thread(target=busy, args=(started,), daemon=True).start()
        started.wait()
    exec(end)

statuses = {}
for end in sys.argv[1:]:
    for attempt in range(3):
        if not (child := os.fork()):
            run_stage("some", stage)
            raise SystemExit(0)
        statuses.setdefault(end, []).append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(statuses))
"""
ENDS = {
    'raise DataError("it is broken")': (1, "some: it is broken\n"),
    'raise OSError(28, "full", "a file")': (1, "some: no space left to write a file; free some and run again\n"),
    "raise SystemExit(3)": (3, ""),
}


def test_a_failed_stage_ends_with_its_line_while_threads_run():
    done = subprocess.run([sys.executable, "-c", SCRIPT, *ENDS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {end: [status] * 3 for end, (status, _) in ENDS.items()}
    assert done.stderr == "".join(says * 3 for _, says in ENDS.values())
