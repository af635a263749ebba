"""The pipeline's stages, run as `python -m stages.<name>`, each with the package that lies beside it.

DVC runs queued experiments in copies of the repository, where an installed package would be another one.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from timbre.core.stage import INTERRUPTED, INTERRUPTED_STATUS


def _end(*_: object) -> None:
    os.write(2, f"timbre: {INTERRUPTED}\n".encode())
    os._exit(INTERRUPTED_STATUS)


signal.signal(signal.SIGINT, _end)  # through seconds of imports; then a stage has something to unwind
