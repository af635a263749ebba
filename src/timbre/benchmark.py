"""What the models say of a public data set's test split, beside what is published of others."""

from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.known import NOTHING_KNOWN, is_music, known_targets
from timbre.evaluation.music import Music, as_table, hear
from timbre.songs.predictor import Predictor
from timbre.sources.folder import folder_files
from timbre.sources.public import COLLECTIONS


def benchmark(name: str, folder: Path, models: Path | None = None) -> str:
    """The metrics of the models in `models` on one of `COLLECTIONS`, which lies in a folder, as Markdown.

    What is scored is what is known of the recordings of its test split; intervals are resampled by recording.

    Raises:
        DataError: the folder is not that data set, or has nothing of its test split, or a model is missing.
    """
    collection, predictor = COLLECTIONS[name], Predictor(models)
    if not folder.is_dir():
        raise DataError(f"{folder}: is no folder; name the one that {collection.title} unpacks to")
    with folder_files(folder) as files:
        rows = [row for row in collection.read(files, folder, predictor.instruments) if row.split == "test"]
    rows = [row for row in rows if row.label != NOTHING_KNOWN]
    if not rows:
        asked = ", ".join(predictor.instruments)
        raise DataError(f"{folder}: holds nothing of the test split of {collection.title} that tells of {asked}")
    labels = [row.label for row in rows]
    passed_over: list[str] = []
    music = Music(
        [folder / row.path for row in rows], [row.group for row in rows], known_targets(labels, predictor.instruments)
    )
    music, heard = hear(music, predictor, passed_over)
    are_solos = not any(map(is_music, labels)) and bool(heard.alone.any())
    lines = [
        f"{len(music.files)} recordings of the test split of {collection.title}, by the models {predictor.source}",
        *([f"{len(passed_over)} cannot be heard, such as {line}" for line in passed_over[:1]]),
        "",
        as_table(music, heard, predictor.instruments, are_solos),
        "",
        f"Always claiming everything has an F1 of {_f1_of_all(music.targets):.3f}.",
        f"Published: {collection.published}.",
    ]
    return "\n".join(lines)


def _f1_of_all(targets: np.ndarray) -> float:
    """Micro F1 of who claims every instrument everywhere."""
    plays, known = float(np.nansum(targets)), int((~np.isnan(targets)).sum())
    return 2 * plays / (plays + known)
