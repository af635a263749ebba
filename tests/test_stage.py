"""How a stage ends, even while threads run native code."""

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
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
        {end}

    run_stage("some", stage)
"""


@pytest.mark.parametrize(
    ("end", "status", "says"),
    [
        ('raise DataError("it is broken")', 1, "some: it is broken\n"),
        ('raise OSError(28, "full", "a file")', 1, "some: no space left to write a file; free some and run again\n"),
        ("raise SystemExit(3)", 3, ""),
    ],
)
def test_a_failed_stage_ends_with_its_line_while_threads_run(end, status, says):
    script = textwrap.dedent(SCRIPT).replace("{end}", end)
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (status, says)
