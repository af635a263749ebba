"""The check_params stage, with DVC: an unknown key is an error even if no other stage runs."""

import pytest
import yaml
from helpers import ROOT
from repository import stages_run, tiny_clone

ERROR = "check_params: params.yaml: epoch: unknown key (did you mean epochs?)"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Return a clone with two stages: check_params, and a quick one in place of download."""
    repository = tiny_clone(tmp_path_factory.mktemp("clone"))
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert "data/params_check.txt" in stages["download"]["deps"]
    download = {"cmd": "mkdir data/raw", "deps": ["data/params_check.txt"], "params": ["seed"], "outs": ["data/raw"]}
    pipeline = {"stages": {"check_params": stages["check_params"], "download": download}}
    (repository.folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    (repository.folder / "dvc.lock").unlink()
    assert stages_run(repository.run("dvc repro")) == ["check_params", "download"]
    repository.commit("first")
    return repository


@pytest.fixture(autouse=True)
def restored(repository):
    yield
    repository.run("git checkout --quiet .")
    repository.run("dvc checkout --quiet")


@pytest.mark.parametrize("options", ["", " --temp download"])
def test_an_experiment_with_an_unknown_key_fails(repository, options):
    output = repository.run(f"dvc exp run -S +epoch=3{options}", status=255)
    assert ERROR in output and "Traceback" not in output


def test_an_unknown_key_in_the_file_fails(repository):
    with (repository.folder / "params.yaml").open("a") as file:
        file.write("epoch: 3\n")
    assert ERROR in repository.run("dvc repro", status=255)


def test_a_change_that_no_stage_reads_runs_the_check_alone(repository):
    path = repository.folder / "params.yaml"
    path.write_text("# a comment\n" + path.read_text())
    assert stages_run(repository.run("dvc repro")) == ["check_params"]
    assert stages_run(repository.run("dvc exp run -S seed=1")) == ["check_params", "download"]
