"""find_suspects: list clips that may be mislabelled, for a person to listen to. A cross-validated model decides."""

from pathlib import Path

from timbre.core.files import fresh_file
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Window, read_table, write_table
from timbre.features.split import load_single
from timbre.suspects import Suspect, find_suspects, folds_of

MELS = Path("data/mels")
SPLITS = ("train", "validation")


def find(params: Params) -> str:
    """Write metrics/suspects.csv."""
    groups = {window.file: window.group for split in SPLITS for window in read_table(MELS / f"{split}.csv", Window)}
    splits = {split: load_single(MELS, split, params.instruments) for split in SPLITS}
    suspects = find_suspects(splits, groups)
    with fresh_file("metrics/suspects.csv") as table:
        write_table(table, suspects, Suspect)
    if not folds_of(splits, groups):
        return "some instrument has too few recordings for cross-validation: metrics/suspects.csv is empty"
    clips = sum(len(split.names) for split in splits.values())
    return f"{len(suspects)} of {clips} clips may be mislabelled, listed in metrics/suspects.csv"


if __name__ == "__main__":
    run_stage("find_suspects", find)
