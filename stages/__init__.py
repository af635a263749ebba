"""The pipeline's stages, run as `python -m stages.<name>`, each with the package that lies beside it.

DVC runs queued experiments in copies of the repository, where an installed package would be another one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
