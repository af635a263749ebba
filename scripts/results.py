"""Update the results in README.md and docs/data.md from metrics/ and plots/: `python scripts/results.py`.

A test compares them.
"""

import json
import re
from pathlib import Path

from data_page import data_page

from timbre.core.tables import read_table
from timbre.evaluation import report
from timbre.training import history

ROOT = Path(__file__).resolve().parents[1]
README, DATA_PAGE = ROOT / "README.md", ROOT / "docs" / "data.md"
METRICS, PLOTS = ROOT / "metrics", ROOT / "plots"
START, END = "<!-- results: python scripts/results.py -->\n", "<!-- end of results -->\n"
ROWS = (
    ("single-label: accuracy", "single", "accuracy"),
    ("single-label: macro F1", "single", "macro_f1"),
    ("single-label: expected calibration error", "single", "expected_calibration_error"),
    ("multi-label: micro F1", "layered", "micro_f1"),
    ("multi-label: macro F1", "layered", "macro_f1"),
    ("multi-label: all instruments of a mixture right", "layered", "exact_match"),
    ("multi-label: mean average precision", "layered", "mean_average_precision"),
    ("multi-label: mean AUC", "layered", "mean_auc"),
    ("multi-label: expected calibration error", "layered", "expected_calibration_error"),
    ("multi-label: false positives per clip in which none of the four plays", "layered", "claimed_where_none_plays"),
)
TIMELINES = (
    "timeline: segment F1, segments of 0.5 s",
    "timeline: event F1, start and end within 1 s",
    "timeline: median error of starts and ends, seconds",
)


def table(metrics: Path) -> str:
    """Return the main metrics as a Markdown table. Test metrics have their 95 % interval, if there is one."""
    read = {
        name: json.loads((metrics / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("single", "layered", "intervals")
    }
    lines = ["| metric | validation | test |", "|---|---|---|"]
    for title, task, name in ROWS:
        validation, test = (f"{read[task][split][name]:.3f}" for split in ("validation", "test"))
        if bounds := read["intervals"][task].get(name):
            test += f" [{bounds['low']:.3f}, {bounds['high']:.3f}]"
        lines.append(f"| {title} | {validation} | {test} |")
    if (metrics / "timeline.json").exists():
        timeline = json.loads((metrics / "timeline.json").read_text(encoding="utf-8"))["all"]
        values = (timeline["segment_f1"]["0.5 s"], timeline["event_f1"]["1 s"], timeline["median_boundary_error"])
        lines += [f"| {title} | | {value:.3f} |" for title, value in zip(TIMELINES, values, strict=True)]
    return "\n".join(lines) + "\n"


def with_table(text: str, content: str) -> str:
    """Replace the text between the two marks of a page."""
    before, rest = text.split(START)
    return f"{before}{START}\n{content}\n{END}{rest.split(END)[1]}"


def with_log(text: str, metrics: Path, plots: Path) -> str:
    """Update the sample log of the stages in a page from metrics and histories."""
    summaries = {}
    for task in ("layered", "single"):
        summaries[f"train_{task}"] = history.summary(read_table(plots / f"{task}_history.csv", history.Epoch))
    read = {
        name: json.loads((metrics / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("single", "layered", "timeline")
    }
    tested = {task: read[task]["test"] for task in ("single", "layered")}
    summaries["evaluate"] = report.in_short(tested, read["timeline"])
    for stage, summary in summaries.items():
        text = re.sub(rf"^{stage}: .* in ([\d.]+ s)$", rf"{stage}: {summary} in \1", text, flags=re.MULTILINE)
    return text


def updated(text: str, metrics: Path, plots: Path) -> str:
    """Return the text of README.md with the results of these metrics and plots."""
    return with_log(with_table(text, table(metrics)), metrics, plots)


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8"), METRICS, PLOTS), encoding="utf-8", newline="\n")
    DATA_PAGE.write_text(
        data_page(json.loads((METRICS / "data.json").read_text(encoding="utf-8"))), encoding="utf-8", newline="\n"
    )
