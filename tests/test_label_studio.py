"""Exchange with Label Studio: tasks against its format, and exports as answers."""

import json
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS, save_drawn_models
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError
from timbre.tools.answers import Answers
from timbre.tools.label_studio import as_config, read_annotations

# The parts of https://labelstud.io/guide/task_format that tasks of this kind use.
SPAN = {"type": "number", "minimum": 0}
VALUES = {
    "choices": {
        "required": ["choices"],
        "properties": {"choices": {"type": "array", "items": {"enum": [*INSTRUMENTS]}}},
    },
    "labels": {
        "required": ["start", "end", "labels"],
        "properties": {"start": SPAN, "end": SPAN, "labels": {"type": "array", "items": {"enum": [*INSTRUMENTS]}}},
    },
}
RESULT = {
    "required": ["from_name", "to_name", "type", "value"],
    "properties": {"id": {"type": "string"}, "to_name": {"const": "audio"}},
    "oneOf": [{"properties": {"type": {"const": kind}, "value": value}} for kind, value in VALUES.items()],
}
PREDICTION = {
    "required": ["result"],
    "properties": {
        "model_version": {"type": "string"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "result": {"type": "array", "items": RESULT},
    },
}
TASKS = {
    "type": "array",
    "items": {
        "required": ["data", "predictions"],
        "properties": {"data": {"required": ["audio"]}, "predictions": {"type": "array", "items": PREDICTION}},
    },
}


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """Return a folder with models that are unsure of violin, songs, and the tasks for them."""
    folder = tmp_path_factory.mktemp("exchange")
    sure = dict.fromkeys(INSTRUMENTS, (1.0, 0.0)) | {"violin": (0.0, None)}
    save_drawn_models(folder, tiny, INSTRUMENTS, (0.5, 0.0, 0.0, 1.0), sure=sure)
    (folder / "my songs/cd 1").mkdir(parents=True)
    soundfile.write(folder / "my songs/cd 1/é.wav", np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    (folder / "my songs/text.mp3").write_text("no sound")
    result = run(folder, "--tasks", folder / "tasks")
    assert result.exit_code == 1 and "text.mp3" in result.stderr and "1 tasks of 2 songs" in result.stderr
    return folder


def run(folder, *options):
    command = ["review", str(folder / "my songs"), *map(str, options), "--models", str(folder)]
    return CliRunner().invoke(app, command)


def test_tasks_have_the_format_and_the_names_of_the_configuration(folder):
    (task,) = tasks = json.loads((folder / "tasks/tasks.json").read_text())
    jsonschema.validate(tasks, TASKS)
    assert task["data"] == {"audio": "/data/local-files/?d=my%20songs/cd%201/%C3%A9.wav", "path": "cd 1/é.wav"}
    (prediction,) = task["predictions"]
    chosen = {part["from_name"]: part["value"]["choices"] for part in prediction["result"] if part["type"] == "choices"}
    assert "drums" in chosen["present"] and "piano" in chosen["absent"]
    assert "violin" not in chosen["present"] + chosen["absent"]  # unsure
    regions = [part["value"] for part in prediction["result"] if part["type"] == "labels"]
    assert ["drums"] in [region["labels"] for region in regions]
    config = ElementTree.fromstring((folder / "tasks/config.xml").read_text())
    controls = {element.get("name"): element.tag.lower() for element in config if element.get("toName") == "audio"}
    assert controls == {"timeline": "labels", "present": "choices", "absent": "choices"}
    assert {(part["from_name"], part["type"]) for part in prediction["result"]} <= {*controls.items()}
    assert ElementTree.fromstring(as_config(["a & b", '"c"']))[1][0].get("value") == "a & b"


def annotated(task, *results, **properties):
    """Return a task of an export, with one annotation per list of results."""
    annotations = [{"result": result, "was_cancelled": False, **properties} for result in results]
    return {"id": 1, "data": task, "annotations": annotations}


def choices(group, *names):
    return {"from_name": group, "to_name": "audio", "type": "choices", "value": {"choices": [*names]}}


def test_an_export_becomes_labels_csv(folder, tmp_path):
    region = {"from_name": "timeline", "type": "labels", "value": {"start": 0, "end": 1, "labels": ["violin"]}}
    song = {"audio": "x", "path": "cd 1/é.wav"}
    cancelled = annotated({"path": "b.wav"}, [choices("present", "piano")], was_cancelled=True)
    both = annotated(
        song, [choices("present", "piano")], [choices("present", "drums"), choices("absent", "guitar"), region]
    )
    both["annotations"][0]["updated_at"], both["annotations"][1]["updated_at"] = "2026-01-01", "2026-01-02"
    (tmp_path / "export.json").write_text(json.dumps([both, cancelled]))
    result = run(folder, "--annotations", tmp_path / "export.json")
    assert result.exit_code == 0, result.output
    assert Answers(folder / "my songs", INSTRUMENTS).read() == {
        "cd 1/é.wav": {"guitar": "no", "drums": "yes", "violin": "yes"}
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[", "not a JSON export of tasks that timbre review wrote"),
        ('[{"audio": "x"}]', "export as JSON, not JSON_MIN"),
        (
            json.dumps([annotated({"path": "a.wav"}, [choices("present", "piano"), choices("absent", "piano")])]),
            "a.wav: piano plays and does not play",
        ),
        (
            json.dumps([annotated({"path": "a.wav"}, [choices("present", "harp")])]),
            "a.wav: harp: the models do not know",
        ),
    ],
)
def test_an_export_that_cannot_be_used_is_refused(tmp_path, content, reason):
    (tmp_path / "export.json").write_text(content)
    with pytest.raises(DataError, match=reason):
        read_annotations(tmp_path / "export.json", INSTRUMENTS)
