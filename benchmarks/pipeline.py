"""Measure `dvc repro` with nothing to do, relative to `dvc status`: `python benchmarks/pipeline.py`.

Run the pipeline before, so that nothing is left to do.
"""

import subprocess

from timing import Line, in_turns, show


def dvc(*arguments: str) -> None:
    subprocess.run(["dvc", *arguments], check=True, capture_output=True)


def measure() -> list[Line]:
    repro, status = in_turns(lambda: dvc("repro"), lambda: dvc("status"), rounds=3)
    return [
        Line(
            "pipeline: time of `dvc repro` with nothing to do, relative to `dvc status`",
            f"{repro / status:.2f}",
            "≤ 1.5",
        ),
        Line("pipeline: `dvc repro` with nothing to do, seconds (absolute)", f"{repro:.1f}"),
    ]


if __name__ == "__main__":
    show(measure())
