"""The documentation builds strictly, describes every param, and shows commands that exist; so do workflows."""

import re
import subprocess
import sys

import pytest
import yaml
from helpers import ROOT, committed_params
from typer.testing import CliRunner

from timbre.cli import app

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_builds_with_every_param_and_picture(site):
    params = (site / "docs" / "params" / "index.html").read_text()
    for name, value in committed_params().items():
        for key in [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]:
            assert f"<code>{key}</code>" in params, key
    assert "at least 0, at most 1" in params
    assert "plots/curves.png" in (site / "docs" / "gallery" / "index.html").read_text()
    assert "Raises:<" in (site / "docs" / "api" / "index.html").read_text()


def test_pages_load_nothing_from_the_network(site):
    for page in site.rglob("*.html"):
        assert not re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["']?(?:https?:)?//""", page.read_text()), page


def test_the_readme_is_short():
    assert len(PAGES[0].read_text().splitlines()) <= 150


def test_every_command_of_the_pages_exists():
    """Commands of `timbre`, targets of make, and scripts: each as it is written."""
    text = "\n".join(page.read_text() for page in PAGES)
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"^timbre (\w+)", text, re.MULTILINE)) <= known
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make (\w+)", text, re.MULTILINE)) <= targets
    for script in re.findall(r"python ((?:scripts|benchmarks)/\w+\.py)", text):
        assert (ROOT / script).is_file(), script
    for command in known - {"check"}:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_of_make_and_little_else(path):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert runs
    for command in (run.split() for run in runs):
        assert command[0] in ("make", "python", "grep", "gh")
        assert command[0] != "make" or command[1] in targets
        assert command[0] != "python" or command[1] == "-m" or (ROOT / command[1]).is_file()
