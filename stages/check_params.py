"""check_params: check params.yaml and its paths, so that an unknown key is an error even if no other stage runs.

DVC runs a stage if a param that it reads has changed. Nobody reads an unknown key, such as that of `-S +epoch=3`.
This stage depends on the whole file, so it runs after every change. Its output never changes, so that it makes no
other stage run.
"""

from timbre.core.files import fresh_file
from timbre.core.own_paths import check_own_paths
from timbre.core.params import Params
from timbre.core.stage import run_stage


def check_params(params: Params) -> str:
    """Check the paths and write data/params_check.txt. `run_stage` has checked the params."""
    notes = check_own_paths(params)
    with fresh_file("data/params_check.txt") as path:
        path.write_text("params.yaml is valid\n", encoding="utf-8", newline="\n")
    return "; ".join(["params.yaml is valid", *notes])


if __name__ == "__main__":
    run_stage("check_params", check_params)
