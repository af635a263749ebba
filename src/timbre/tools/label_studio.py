"""Exchange with Label Studio: tasks with predictions to import there, and a JSON export from there as answers.

Formats: https://labelstud.io/guide/task_format and https://labelstud.io/guide/export#JSON. The labels of the
configuration are the instruments; `timeline` has regions, `present` and `absent` are choices.
"""

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from timbre.core.errors import DataError
from timbre.core.files import fresh_file
from timbre.core.printable import printable
from timbre.features.display import palette
from timbre.songs.predictor import DISTRIBUTION
from timbre.songs.song import Song
from timbre.tools.answers import entropy

TASKS, CONFIG = "tasks.json", "config.xml"
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves files of its own machine
CHOICES = {"present": "yes", "absent": "no"}  # of each group of choices: what it answers


def write_tasks(tasks: Sequence[dict[str, Any]], instruments: Sequence[str], folder: Path) -> None:
    """Write tasks.json and config.xml, the labeling configuration of their project, to a folder."""
    for name, text in ((TASKS, json.dumps(tasks, indent=1)), (CONFIG, as_config(instruments))):
        with fresh_file(folder / name) as partial:
            partial.write_text(text + "\n", encoding="utf-8", newline="\n")


def as_task(song: Song, path: str, root: str) -> dict[str, Any]:
    """Return a task with one prediction: sections as regions, and as choices the answers that are not unsure.

    The score is 1 if all answers are certain and 0 if none is, so that the least certain tasks can come first.

    Args:
        song: The prediction.
        path: The path below the folder of the songs.
        root: The name of the folder of the songs. Label Studio must serve the folder above it.
    """
    answers = song.sure_answers
    chosen = {name: [each for each, plays in answers.items() if plays == (name == "present")] for name in CHOICES}
    result = [_result(name, "choices", {"choices": names}) for name, names in chosen.items() if names]
    for number, (start, end, name) in enumerate(song.sections):
        value = {"start": round(start, 3), "end": round(end, 3), "channel": 0, "labels": [name]}
        result.append(_result("timeline", "labels", value) | {"id": f"s{number}", "original_length": song.seconds})
    return {
        "data": {"audio": LOCAL_FILES + quote(f"{root}/{path}"), "path": path},
        "predictions": [
            {
                "model_version": f"timbre {version(DISTRIBUTION)}",
                "score": round(1 - float(entropy(song.probabilities).mean()), 4),
                "result": result,
            }
        ],
    }


def _result(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "from_name": name, "to_name": "audio", "type": kind, "value": value}


def as_config(instruments: Sequence[str]) -> str:
    """Return the labeling configuration of a project for these instruments."""
    labels = [
        f"<Label value={quoteattr(name)} background={quoteattr(colour)}/>"
        for name, colour in palette(instruments).items()
    ]
    choices = [f"<Choice value={quoteattr(name)}/>" for name in instruments]
    return "\n".join(
        [
            "<View>",
            '<Audio name="audio" value="$audio"/>',
            '<Labels name="timeline" toName="audio">',
            *labels,
            "</Labels>",
            '<Header value="Plays"/>',
            '<Choices name="present" toName="audio" choice="multiple" showInline="true">',
            *choices,
            "</Choices>",
            '<Header value="Does not play"/>',
            '<Choices name="absent" toName="audio" choice="multiple" showInline="true">',
            *choices,
            "</Choices>",
            "</View>",
        ]
    )


def read_annotations(path: Path, instruments: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the answers in a JSON export, by path of the song: yes or no for each instrument with an answer.

    The last annotation of a task counts; cancelled ones do not. An instrument with a region plays.

    Raises:
        DataError: The file cannot be read, is no such export, or contradicts itself.
    """
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
        answers: dict[str, dict[str, str]] = {}
        for task in tasks:
            kept = [each for each in task["annotations"] if not each.get("was_cancelled")]
            if kept:
                last = max(kept, key=lambda each: each.get("updated_at") or "")
                song = task["data"]["path"]
                answers[song] = _answers(last["result"], f"{path}: {printable(song)}", instruments)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(
            f"{path}: not a JSON export of tasks that timbre review wrote ({error!r}); export as JSON, not JSON_MIN"
        ) from error
    return answers


def _answers(result: Iterable[dict[str, Any]], location: str, instruments: Sequence[str]) -> dict[str, str]:
    """Return the answers in one annotation.

    Raises:
        DataError: An instrument is present and absent, or the models do not know it.
    """
    found: dict[str, str] = {}
    for part in result:
        names = part["value"].get("choices") or part["value"].get("labels") or []
        for name in names:
            answer = CHOICES.get(part["from_name"], "yes")
            if name not in instruments:
                raise DataError(f"{location}: {name}: the models do not know it; use {', '.join(instruments)}")
            if found.setdefault(name, answer) != answer:
                raise DataError(f"{location}: {name} plays and does not play; correct it in Label Studio")
    return found
