"""dvc.yaml and dvc.lock must match the code: the same imports, params and outputs."""

import ast
import hashlib
import json
from fnmatch import fnmatch
from functools import reduce

import pytest
import yaml
from helpers import ROOT, committed_params
from imports import imported_files

from timbre.core.own_paths import check_own_paths
from timbre.core.params import OWN_PATHS, Params

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_code_it_imports(name):
    code = {file for dep in STAGES[name]["deps"] if is_code(dep) for file in files_below(dep) if file.endswith(".py")}
    imported = imported_files(ROOT / "stages" / f"{name}.py")
    assert imported <= code
    whole = ("src/timbre/core/", *(["src/timbre/features/"] if name == "evaluate" else []))
    unread = [file for file in code - imported if not file.startswith(whole)]
    assert all(file.endswith("/__init__.py") for file in unread), unread


@pytest.mark.parametrize("name", ["train_layered", "train_single"])
def test_training_depends_on_no_code_for_metrics_pictures_pages_songs_or_commands(name):
    forbidden = ("audio/", "cli.py", "compare.py", "dataset/", "evaluation/", "export.py", "songs/", "sources/")
    code = [file for dep in STAGES[name]["deps"] if is_code(dep) for file in files_below(dep)]
    assert not [file for file in code if file.removeprefix("src/timbre/").startswith(forbidden)]


def is_code(dep):
    return dep.startswith(("src/", "stages/"))


def files_below(dep):
    """Return the files of a dependency that DVC hashes, as sorted paths from the root."""
    path = ROOT / dep
    if path.is_file():
        return [dep]
    ignored = dvc_ignored()
    files = (file for file in path.rglob("*") if file.is_file() and not any(map(ignored, file.relative_to(ROOT).parts)))
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


def dvc_ignored():
    patterns = [line.removeprefix("**/") for line in (ROOT / ".dvcignore").read_text().splitlines()]
    return lambda part: any(fnmatch(part, pattern) for pattern in patterns)


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def md5_of_code(dep):
    """Return the hash that DVC gives a file or folder."""
    path = ROOT / dep
    if path.is_file():
        return md5(path)
    rows = [{"md5": md5(ROOT / file), "relpath": file.removeprefix(f"{dep}/")} for file in files_below(dep)]
    return hashlib.md5(json.dumps(rows).encode()).hexdigest() + ".dir"


def params_read(name):
    """Return each `params.a.b` in a stage's file, except `compute`, which changes no result."""
    nodes = list(ast.walk(ast.parse((ROOT / "stages" / f"{name}.py").read_text())))
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    whole = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute) and id(node) not in inner}
    read = {text.removeprefix("params.") for text in whole if text.startswith("params.")}
    return {key for key in read if key.split(".")[0] != "compute" and not read & set(prefixes(key))}


def prefixes(key):
    """Return `a` and `a.b` for `a.b.c`."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@pytest.mark.parametrize("name", [name for name in STAGES if name != "download"])
def test_a_stage_depends_on_exactly_the_params_it_reads(name):
    assert set(STAGES[name].get("params", [])) == params_read(name)


def test_download_depends_on_every_param_that_its_sources_read():
    assert set(STAGES["download"]["params"]) == {
        "instruments",
        "data.source",
        "data.folder",
        "data.recordings",
        "data.seed",
        "data.kaggle",
        "soundfont",
    }


def test_stages_depend_on_the_users_own_files_which_are_empty_folders_by_default():
    own = [dep for stage in STAGES.values() for dep in stage["deps"] if dep.startswith("$")]
    assert sorted(own) == sorted(f"${{{key}}}" for key in OWN_PATHS)
    for key, default in OWN_PATHS.items():
        assert reduce(dict.__getitem__, key.split("."), committed_params()) == default
        assert [path.name for path in (ROOT / default).iterdir() if path.name != ".gitkeep"] == []
    assert check_own_paths(Params.model_validate(committed_params())) == []


def test_the_lock_is_that_of_this_code_and_these_params():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    assert set(lock) == set(STAGES)
    for name, stage in lock.items():
        assert stage["cmd"] == STAGES[name]["cmd"]
        for dep in stage["deps"]:
            if is_code(dep["path"]):
                assert dep["md5"] == md5_of_code(dep["path"]), (
                    f"{dep['path']} changed since dvc.lock was written: run dvc repro and commit what it changes"
                )
        for key, value in stage.get("params", {"params.yaml": {}})["params.yaml"].items():
            assert reduce(dict.__getitem__, key.split("."), committed_params()) == value, f"{key}: run dvc repro"


def test_stages_produce_every_file_that_stages_metrics_and_plots_use():
    produced = {
        path: name
        for name, stage in STAGES.items()
        for out in stage["outs"]
        for path in ([out] if isinstance(out, str) else out)
    }
    deps = {dep for stage in STAGES.values() for dep in stage["deps"] if not is_code(dep) and not dep.startswith("$")}
    used = deps - {"params.yaml"}
    parts = {path: path.rpartition("/")[0] for path in used if path.startswith(("data/raw/", "data/clips/"))}
    assert {parts.get(path, path) for path in used} <= set(produced)
    for entry in PIPELINE["plots"]:
        paths = [entry] if isinstance(entry, str) else list(next(iter(entry.values()))["y"])
        live = [path for path in paths if path.startswith("models/")]
        assert set(live) <= set(produced)
        assert all(path.startswith("plots/") and (ROOT / path).exists() for path in paths if path not in live)
    assert set(PIPELINE["metrics"]) <= set(produced)
