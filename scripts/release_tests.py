"""How well the released weights recognise each instrument, which have too few tests, and which answers are sure.

All follow from the scores in release/tests/. `timbre benchmark FOLDER --models src/timbre/weights --json` wrote
music.json for real music with labels of all instruments, and font.json for clips of a sound font that training has not
used, by `python benchmarks/unseen_font.py FONT.sf2 FOLDER`. sure.json has the bounds of sure answers, chosen on the
same music by `timbre sure FOLDER --models src/timbre/weights --json`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "release" / "tests"
LEAST_PRESENT = 5  # pieces of music with the instrument; with fewer, the sound font decides
LEAST_AUC = 0.85
MOST_FALSE_POSITIVES = 0.1  # rate
METRICS = ("auc", "f1", "false_positive_rate")


def little_tested(instruments: Sequence[str], always: Sequence[str], tests: Path = TESTS) -> tuple[str, ...]:
    """Return the instruments that are shown only on request.

    The others have an AUC of at least `LEAST_AUC` and a false positive rate of at most `MOST_FALSE_POSITIVES`: on
    music, or, if it has too few examples, with the sound font and in music that lacks the instrument.

    Args:
        instruments: Names, in label order.
        always: Instruments that are always shown.
        tests: Folder of the scores.
    """
    music, font = _scores(tests, "music"), _scores(tests, "font")
    return tuple(name for name in instruments if name not in always and not _is_tested(name, music, font))


def measured_bounds(tests: Path = TESTS) -> dict[str, tuple[float | None, float | None]]:
    """Return the bounds of sure answers of each instrument."""
    return {name: (lower, upper) for name, (lower, upper) in _scores(tests, "sure")["bounds"].items()}


def sure_table(tests: Path = TESTS) -> str:
    """Return how many answers are sure, and how many of those are wrong, as a Markdown table."""
    from timbre.adapt.sure_answers import Share, share_table

    parts = _scores(tests, "sure")["shares"].values()
    shares = {
        name: Share(*(values[field] for field in Share._fields)) for part in parts for name, values in part.items()
    }
    return share_table("which", shares)


def _scores(tests: Path, name: str) -> dict[str, Any]:
    return json.loads((tests / f"{name}.json").read_text(encoding="utf-8"))


def _is_tested(name: str, music: dict[str, Any], font: dict[str, Any]) -> bool:
    deciding = [music] if music["present"].get(name, 0) >= LEAST_PRESENT else [music, font]
    rates = [value for test in deciding if (value := _value(test, "false_positive_rate", name)) is not None]
    auc = _value(deciding[-1], "auc", name)
    return auc is not None and auc >= LEAST_AUC and max(rates) <= MOST_FALSE_POSITIVES


def _value(test: dict[str, Any], metric: str, name: str) -> float | None:
    return test["scores"][metric].get(name, {}).get("value")


def table(instruments: Sequence[str], hidden: Sequence[str], tests: Path = TESTS) -> str:
    """Return the scores of each instrument as a Markdown table.

    Args:
        instruments: Names, in label order.
        hidden: Those that are little tested.
        tests: Folder of the scores.
    """
    music, font = _scores(tests, "music"), _scores(tests, "font")
    lines = [
        "| instrument | music with it | AUC | F1 | false positive rate | unseen font: AUC | F1 | false positive rate |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in instruments:
        values = [_value(test, metric, name) for test in (music, font) for metric in METRICS]
        cells = ["" if value is None else f"{value:.3f}" for value in values]
        if music["present"].get(name, 0) < 2:
            cells[:2] = ["", ""]
        title = f"{name} (little tested)" if name in hidden else name
        lines.append(f"| {title} | {music['present'].get(name, 0)} | {' | '.join(cells)} |")
    return "\n".join(lines)
