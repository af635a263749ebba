"""The pipeline's stages, run as `python -m stages.<name>`, each with the package that lies beside it.

DVC runs queued experiments in copies of the repository, where an installed package would be another one.
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from timbre.core.stage import end_interrupted, open_standard_streams

open_standard_streams()
for number in (signal.SIGINT, signal.SIGTERM):  # through seconds of imports; then a stage has something to unwind
    signal.signal(number, lambda *_: end_interrupted("timbre"))
