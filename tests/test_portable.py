"""What Windows and macOS do differently: encodings, line ends, and one version number for all of them."""

import ast
import re
import subprocess
import tomllib

import pytest
from helpers import ROOT

CODE = sorted(path for folder in ("src", "stages", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
TEXT_MODE = re.compile("[wax]t?")
NO_TEXT = ("Path(os.devnull)", "av")


def writes_text(call):
    """Return whether a call writes a text file: `write_text(…)`, or `open("w", …)` of a path."""
    modes = [node.value for node in call.args if isinstance(node, ast.Constant)]
    return call.func.attr == "write_text" or (
        call.func.attr == "open"
        and ast.unparse(call.func.value) not in NO_TEXT
        and bool(modes)
        and TEXT_MODE.fullmatch(str(modes[0])) is not None
    )


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_files_are_utf_8_and_have_the_same_line_ends_on_every_system(path):
    """Otherwise Windows reads them in its own encoding and writes other bytes, so that DVC sees a change."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    for call in (call for call in calls if isinstance(call.func, ast.Attribute)):
        required = {"encoding", "newline"} if writes_text(call) else set()
        if call.func.attr == "read_text":
            required = {"encoding"}
        missing = required - {keyword.arg for keyword in call.keywords}
        assert not missing, f"line {call.lineno}: {ast.unparse(call)} has no {' and no '.join(sorted(missing))}"


def test_no_committed_file_is_a_link():
    """Windows writes links as text files, and a link may lead to a folder of one machine."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [line for line in listed.splitlines() if line.startswith("120000")]


def test_there_is_one_version_number():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] in (version, "Unreleased") and version in headings
