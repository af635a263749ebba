"""The whole pipeline in a temporary clone, with the commands of the README, in the order a person would type them."""

import csv
import json
import os
import re
import resource
import signal
import time

import pytest
from dvc.repo import Repo
from repository import ALL, ENVIRONMENT, Repository, stages_run
from torch.nn.functional import cosine_similarity
from torch.nn.utils import parameters_to_vector

from timbre.core.stage import INTERRUPTED
from timbre.model.checkpoint import load_model

TRAINING = ["check_params", "train_layered", "train_single", "train_timeline", "evaluate"]


@pytest.fixture(scope="module")
def repository(pipeline, tmp_path_factory):
    """A clone after its first `dvc repro`, which the tests of this file change."""
    return pipeline.copy(tmp_path_factory.mktemp("copy") / "clone")


def test_the_first_run_runs_everything_and_each_stage_says_what_it_did(repository):
    output = (repository.folder / ".dvc/tmp/output").read_text()
    assert stages_run(output) == ALL
    logged = {line.split(":")[0] for line in output.splitlines() if line.endswith(" s") and " in " in line}
    assert logged == set(ALL)
    single = json.loads((repository.folder / "metrics/single.json").read_text())
    layered = json.loads((repository.folder / "metrics/layered.json").read_text())
    for split in ("validation", "test"):
        assert {"accuracy", "macro_f1", "expected_calibration_error"} == set(single[split])
        assert {"micro_f1", "macro_f1", "exact_match", "claimed_where_none_plays"} <= set(layered[split])
    details = json.loads((repository.folder / "metrics/details.json").read_text())
    assert list(details["layered"]["test"]) == ["guitar", "drums", "violin", "piano"]
    assert {"1", "2"} <= set(details["layered_test_micro_f1"]["by_instruments_playing"]) <= set("1234")
    with (repository.folder / "plots/single_history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_training_of_one_goes_on_from_that_of_layers(repository):
    files = [repository.folder / f"models/{task}.safetensors" for task in ("single", "layered")]
    one, layers = (parameters_to_vector(load_model(file).network.blocks.parameters()) for file in files)
    assert cosine_similarity(one, layers, dim=0) > 0.9  # two trainings from drawn weights: about 0.5


def test_a_second_run_runs_nothing(repository):
    assert stages_run(repository.run("dvc repro")) == []


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"epochs": 7}, {"train_single", "train_layered"}),
        ({"threshold": 0.4}, {"train_layered"}),
        ({"mixtures": {"gain_db": 3.0}}, {"layer_mixtures", "arrange_songs", "train_layered", "train_timeline"}),
        ({"mel": {"n_mels": 30}}, {"extract_mels", "layer_mixtures", "train_single", "train_layered", "evaluate"}),
        ({"splits": {"validation": 0.2}}, {"prepare"}),
        ({"soundfont": {"clips": 65}}, {"download"}),
        ({"compute": {"workers": 3, "threads": 2}}, set()),
    ],
)
def test_a_changed_param_makes_exactly_the_stages_stale_that_read_it(repository, changes, stages, monkeypatch):
    monkeypatch.chdir(repository.folder)
    before = (repository.folder / "params.yaml").read_text()
    repository.set_params(changes)
    try:
        with Repo(str(repository.folder)) as repo:  # `dvc status` without a process of its own
            status = repo.status()
    finally:
        (repository.folder / "params.yaml").write_text(before)
    stale = {stage for stage, reasons in status.items() if "params.yaml" in json.dumps(reasons)}
    assert stale == {"check_params", *stages}


def test_experiments_run_what_changed_and_restore_what_was_run(repository):
    assert stages_run(repository.run("dvc exp run -S epochs=2")) == []
    assert stages_run(repository.run("dvc exp run -S epochs=1 -S compute.threads=2 --name short")) == TRAINING

    back = repository.run("dvc exp run -S epochs=2 -S compute.threads=1")
    assert stages_run(back) == ["evaluate"]
    assert "Stage 'train_single' is cached" in back

    metrics = repository.run("dvc metrics diff --all HEAD short")
    assert "metrics/single.json" in metrics
    assert "test.macro_f1" in metrics
    params = repository.run("dvc params diff HEAD short").split()
    assert params[-3:] == ["epochs", "2", "1"]
    assert "short" in repository.run("dvc exp show --csv --no-pager")
    compared = repository.run("timbre compare HEAD short")
    assert "single: HEAD -> short, paired over" in compared
    assert "layered: HEAD -> short, paired over" in compared
    same = repository.run("timbre compare HEAD")
    assert same.count("the same") > 10
    assert "better" not in same
    assert "worse" not in same
    assert repository.run("timbre compare HEAD nothing", status=1).startswith("timbre: nothing: no revision")
    for command in ("dvc plots show", "dvc plots diff HEAD short"):
        repository.run(command)
        page = (repository.folder / "dvc_plots/index.html").read_text()
        assert "validation_f1" in page
        assert "single_answers.png" in page


def wait_for(condition, seconds=60):
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(seconds / 1000)


@pytest.fixture(scope="module")
def grid(repository):
    """Run two experiments from a queue. Return what `dvc queue status` prints after them."""
    repository.run("dvc exp run --queue --name grid -S epochs=1,3 -S batch_size=15")
    repository.run("dvc queue start -j 2")
    wait_for(lambda: repository.run("git for-each-ref refs/exps").count("/grid-") == 2, 300)
    wait_for(lambda: "Running" not in repository.run("dvc queue status"), 30)
    return repository.run("dvc queue status")


def test_a_queued_grid_runs_in_copies_with_two_workers(repository, grid):
    assert grid.count("Success") == 2, grid
    shown = csv.DictReader(repository.run("dvc exp show --csv --no-pager").splitlines())
    assert {(row["epochs"], row["batch_size"]) for row in shown} >= {("1", "15"), ("3", "15")}


def test_experiments_side_by_side_are_few_columns_and_the_best_first(repository, grid):
    table = repository.run("make -o .venv/.ready -s show")
    head = next(line for line in table.splitlines() if "Experiment" in line)
    changed = {"epochs", "batch_size"}
    queue = {"State", "Executor"}
    assert (
        changed <= set(head.split()) - queue <= {"Experiment", "validation.accuracy", "validation.micro_f1", *changed}
    )
    assert {"grid-1", "grid-2"} <= set(re.findall(r"\[(.+)\]", table))
    metric = "validation.expected_calibration_error"  # hardly the same in two runs, even of so few clips
    known = csv.DictReader(repository.run("dvc exp show --csv").splitlines())
    values = {row["Experiment"]: float(row[f"metrics/layered.json:{metric}"]) for row in known}
    table = repository.run(f"make -o .venv/.ready -s show BY={metric}")
    shown = [values[name] for name in re.findall(r"\[(.+)\]", table)]
    assert len(set(shown)) >= 2 and shown == sorted(shown, reverse=True)


def test_models_can_be_taken_from_a_clone_with_a_remote(repository, tmp_path):
    repository.run(f"dvc remote add --default shared {tmp_path / 'remote'}")
    repository.run("dvc push")
    repository.commit("shared")
    repository.run("gto register layered")
    repository.run(f"dvc artifacts get {repository.folder} layered -o {tmp_path / 'layered.safetensors'}")
    repository.run(f"dvc get {repository.folder} models/single.safetensors -o {tmp_path / 'single.safetensors'}")
    for task in ("single", "layered"):
        ours = repository.folder / f"models/{task}.safetensors"
        assert (tmp_path / ours.name).read_bytes() == ours.read_bytes()


@pytest.fixture(params=["folder", "s3"])
def remote(request, tmp_path, monkeypatch):
    """The `dvc remote` commands for a remote that is empty, in a folder or in an S3 store of this machine."""
    if request.param == "folder":
        yield [f"dvc remote add --local --default shared {tmp_path / 'store'}"]
        return
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setitem(ENVIRONMENT, name, "test")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket="timbre")
    yield [
        "dvc remote add --local --default shared s3://timbre/store",
        f"dvc remote modify --local shared endpointurl {url}",
    ]
    server.stop()


def test_what_one_clone_pushes_another_pulls_and_computes_nothing(repository, remote, tmp_path):
    other = Repository(tmp_path / "other")
    repository.run(f"git clone --quiet . {other.folder}")
    for clone in (repository, other):
        for command in remote:
            clone.run(command)
    try:
        repository.run("dvc push")
        other.run("dvc pull")
        assert "Data and pipelines are up to date" in other.run("dvc status")
        assert not stages_run(other.run("dvc repro"))
    finally:
        repository.run("dvc remote remove --local shared")


@pytest.mark.parametrize("stage", ["download", "prepare", "train_single"])
def test_an_interrupted_stage_says_so_in_one_line_and_leaves_nothing_half_written(repository, stage):
    repository.run("git checkout --quiet .")
    repository.run("dvc checkout")
    repository.set_params({"epochs": 5000, "soundfont": {"clips": 20000}})
    before = repository.run("git status --short data models")
    process = repository.start("python", "-m", f"stages.{stage}")
    if stage == "train_single":
        time.sleep(4)
    else:
        wait_for(lambda: list(repository.folder.glob("data/.*partial")))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    repository.run("git checkout --quiet params.yaml")
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].endswith(INTERRUPTED)
    assert "Traceback" not in errors
    assert not list(repository.folder.glob("data/.*partial")) + list(repository.folder.glob("models/.*partial*"))
    assert repository.run("git status --short data models") == before


def test_a_full_disk_is_one_line_and_the_old_output_stays(repository):
    repository.run("dvc checkout")
    size = (repository.folder / "data/mels/train.npy").stat().st_size

    def fill_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    process = repository.start("python", "-m", "stages.extract_mels", preexec_fn=fill_disk)
    output = "".join(process.communicate(timeout=60))
    assert process.returncode == 1
    assert output.strip().splitlines()[-1].startswith("extract_mels: no space left")
    assert "Traceback" not in output
    assert (repository.folder / "data/mels/train.npy").stat().st_size == size


def test_a_bad_param_stops_a_stage_with_the_name_of_its_key(repository):
    repository.set_params({"epochs": -1})
    for command in ("python -m stages.train_single", "timbre check"):
        lines = repository.run(command, status=1).strip().splitlines()
        assert len(lines) == 1
        assert "epochs" in lines[0]
        assert "got -1" in lines[0]
    repository.run("git checkout --quiet params.yaml")
