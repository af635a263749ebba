"""The stages of the pipeline. Run one with `python -m stages.<name>`.

Each uses the package in the `src` folder of its own repository. DVC runs queued experiments in copies of the
repository, and an installed package would be another version there.
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from timbre.core.stage import end_interrupted, open_standard_streams

open_standard_streams()
for number in (signal.SIGINT, signal.SIGTERM):  # during the seconds of imports; run_stage takes over
    signal.signal(number, lambda *_: end_interrupted("timbre"))
