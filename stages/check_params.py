"""check_params: check params.yaml, so that an unknown key is an error even if no other stage runs.

DVC runs a stage if a param that it reads has changed. Nobody reads an unknown key, such as that of `-S +epoch=3`.
This stage depends on the whole file, so it runs after every change. Its output never changes, so that it makes no
other stage run.
"""

from timbre.core.files import fresh_file
from timbre.core.params import Params
from timbre.core.stage import run_stage


def check_params(_: Params) -> str:
    """Write data/params_check.txt, after `run_stage` has checked the params."""
    with fresh_file("data/params_check.txt") as path:
        path.write_text("params.yaml is valid\n", encoding="utf-8", newline="\n")
    return "params.yaml is valid"


if __name__ == "__main__":
    run_stage("check_params", check_params)
