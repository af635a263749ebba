"""dvc.yaml, dvc.lock and the code: one must not say what another does not do."""

import ast
import hashlib
from functools import reduce

import pytest
import yaml
from conftest import ROOT, committed_params
from imports import imported_files

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_code_it_imports(name):
    code = {path for path in STAGES[name]["deps"] if path.endswith(".py")}
    assert code == imported_files(ROOT / "stages" / f"{name}.py")


def params_read(name):
    """Each `params.a.b` of a stage's file, but for `compute`, which is no part of any result."""
    nodes = list(ast.walk(ast.parse((ROOT / "stages" / f"{name}.py").read_text())))
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    whole = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute) and id(node) not in inner}
    read = {text.removeprefix("params.") for text in whole if text.startswith("params.")}
    return {key for key in read if key.split(".")[0] != "compute" and not read & set(prefixes(key))}


def prefixes(key):
    """`a` and `a.b` of `a.b.c`."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@pytest.mark.parametrize("name", [name for name in STAGES if name != "download"])
def test_a_stage_depends_on_exactly_the_params_it_reads(name):
    assert set(STAGES[name].get("params", [])) == params_read(name)


def test_download_depends_on_all_that_its_sources_read():
    assert set(STAGES["download"]["params"]) == {
        "data.source",
        "data.folder",
        "data.seed",
        "data.kaggle",
        "soundfont",
    }


def test_the_lock_is_that_of_this_code_and_these_params():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    assert set(lock) == set(STAGES)
    for name, stage in lock.items():
        assert stage["cmd"] == STAGES[name]["cmd"]
        for dep in stage["deps"]:
            if (ROOT / dep["path"]).suffix == ".py":
                assert dep["md5"] == hashlib.md5((ROOT / dep["path"]).read_bytes()).hexdigest(), (
                    f"{dep['path']} changed since dvc.lock was written: run dvc repro and commit what it changes"
                )
        for key, value in stage.get("params", {"params.yaml": {}})["params.yaml"].items():
            assert reduce(dict.__getitem__, key.split("."), committed_params()) == value, f"{key}: run dvc repro"


def test_stages_produce_all_that_stages_metrics_and_plots_use():
    produced = {
        path: name
        for name, stage in STAGES.items()
        for out in stage["outs"]
        for path in ([out] if isinstance(out, str) else out)
    }
    used = {dep for stage in STAGES.values() for dep in stage["deps"] if not dep.endswith(".py")}
    assert used <= set(produced)
    for entry in PIPELINE["plots"]:
        paths = [entry] if isinstance(entry, str) else list(next(iter(entry.values()))["y"])
        assert all(path.startswith("plots/") and (ROOT / path).exists() for path in paths)
    assert set(PIPELINE["metrics"]) <= set(produced)
