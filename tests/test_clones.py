"""The whole pipeline in clones of their own: other instruments, real processes, real recordings."""

import csv
import json

from repository import ALL, stages_run, tiny_clone

from timbre.model.checkpoint import load_model

DATA = ALL[:7]


def test_other_instruments_run_through_all_of_it(tmp_path):
    names = ["cello", "flute", "trumpet", "organ", "harp"]
    other = tiny_clone(tmp_path)
    output = other.run(f"dvc exp run -S instruments=[{','.join(names)}] -S soundfont.clips=200")
    assert stages_run(output) == ALL
    held = json.loads((other.folder / "metrics/data.json").read_text())["clips"]
    assert all(list(held[split]) == [*names, "other"] and all(held[split].values()) for split in held)
    with (other.folder / "plots/layered_answers.csv").open(newline="") as file:
        assert next(csv.reader(file))[-len(names) :] == names
    with (other.folder / "plots/layered_by_level.csv").open(newline="") as file:
        assert {row["instrument"] for row in csv.DictReader(file)} <= {*names, "all"}
    assert load_model(other.folder / "models/layered.safetensors").description.instruments == tuple(names)
    other.run("dvc plots show --out shown")


def test_another_clone_gets_the_same_bytes_with_two_workers_and_processes_of_their_own(pipeline, tmp_path):
    other = tiny_clone(tmp_path, is_real=True)
    other.set_params({"compute": {"workers": 2}})
    other.run("dvc repro")
    assert other.hashes(*DATA) == pipeline.hashes(*DATA)
    assert other.hashes("evaluate") == pipeline.hashes("evaluate")


def test_real_recordings_run_through_and_their_faults_are_listed(pipeline, sample, tmp_path):
    repository = pipeline.copy(tmp_path / "clone")
    output = repository.run(f"dvc exp run --name real -S data.source=folder -S data.folder={sample}")
    assert stages_run(output) == ALL
    with (repository.folder / "data/clips/issues.csv").open() as file:
        issues = {row["file"].split("/")[-1]: row for row in csv.DictReader(file)}
    for name, reason in {
        "0 bytes.wav": "is empty",
        "silence.wav": "silent",
        "not a number.wav": "not finite",
        "truncated header.wav": "is cut off",
        "029500_morning-rain-piano-65875.wav": "",
    }.items():
        assert issues[name]["action"] == "dropped"
        assert reason in issues[name]["reason"]

    readable, broken = sample / "Test_submission/Test_submission", sample / "Train_submission/Train_submission"
    files = [*sorted(readable.glob("*.wav")), broken / "silence.wav"]
    process = repository.start("timbre", "predict", "--format", "jsonl", *map(str, files))
    answers = [json.loads(line) for line in process.communicate(timeout=300)[0].splitlines()]
    assert process.returncode == 1
    assert [answer["file"] for answer in answers] == [str(file) for file in files]
    assert all("instrument" in answer for answer in answers[:-1])
    assert answers[-1]["error"] == "is silent"
