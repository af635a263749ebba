"""The search for params, in a repository with one stage: a formula with a known optimum."""

import re
import sys

import pytest
from helpers import ROOT
from repository import Repository

STAGE = """
import json, pathlib, yaml
params = yaml.safe_load(open("params.yaml"))
assert params["kind"] != "broken"
value = 1 - (params["depth"] - 3) ** 2 / 100 - (params["kind"] == "bad") / 2
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/layered.json").write_text(json.dumps({"validation": {"mean_auc": value}}))
"""
DVC = """
stages:
  toy:
    cmd: python toy.py
    deps: [toy.py]
    params: [depth, kind]
    metrics: [{metrics/layered.json: {cache: false}}]
"""
SEARCH = f"{sys.executable} {ROOT / 'scripts' / 'search.py'}"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    files = {"toy.py": STAGE, "dvc.yaml": DVC, "params.yaml": "depth: 9\nkind: bad\n", ".gitignore": "__pycache__\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    repository = Repository(folder)
    for command in ("git init --quiet", "dvc init --quiet", "dvc repro --quiet"):
        repository.run(command)
    repository.commit("toy")
    return repository


def test_a_search_names_its_best_trial(repository):
    output = repository.run(f"{SEARCH} --trials 3 depth=1:6 kind=good,bad")
    tried = re.findall(r"^(search-0-\d): ([\d.]+) with depth=(\d), kind=(\w+)$", output, re.MULTILINE)
    assert len(tried) == 3
    for _, value, depth, kind in tried:
        assert float(value) == pytest.approx(1 - (int(depth) - 3) ** 2 / 100 - (kind == "bad") / 2, abs=1e-4)
    best = max(tried, key=lambda trial: float(trial[1]))
    assert f"best: {best[0]}, {float(best[1]):.4f}; use it with dvc exp apply {best[0]}" in output
    assert best[0] in repository.run("dvc exp list --name-only")
    assert repository.run("git status --short") == ""


def test_a_failed_trial_says_why(repository):
    output = repository.run(f"{SEARCH} --trials 1 --seed 1 kind=broken,broken")
    assert "search-1-0 failed: ERROR: failed to reproduce 'toy'" in output
    assert "search-1-0: -inf with kind=broken" in output


def test_a_wrong_space_is_refused(repository):
    for wrong in ("depth", "depth=", "depth=low:high", "=1:2"):
        assert f"{wrong}: must be key=low:high" in repository.run(f"{SEARCH} {wrong}", status=2)
