"""The rooms of the package: imports go one way, between files and between folders."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from helpers import ROOT
from imports import imported_by

from timbre.audio import repair, windows

PACKAGE = ROOT / "src" / "timbre"
FILES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]


def room(path):
    """The first folder of a file, or its own name where it lies in none."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("name", [str, room])
def test_imports_run_in_no_circle(name):
    graph = {}
    for path in FILES:
        graph.setdefault(name(path), set()).update({name(other) for other in imported_by(path)} - {name(path)})
    TopologicalSorter(graph).prepare()


def test_each_room_imports_only_from_those_before_it():
    allowed = {
        "core": set(),
        "labels": {"core"},
        "parallel": {"core"},
        "audio": {"core"},
        "sources": {"core", "labels", "parallel"},
        "features": {"core", "parallel"},
        "dataset": {"core", "labels", "parallel", "audio", "features"},
        "model": {"core", "features"},
        "training": {"core", "features", "model"},
        "timeline": {"core", "features", "model", "training"},
        "songs": {"core", "audio", "features", "model"},
        "evaluation": {"core", "labels", "audio", "features", "model", "songs"},
    }
    for path in FILES:
        if room(path) in allowed:
            assert {room(other) for other in imported_by(path)} <= allowed[room(path)] | {room(path)}, path


def test_packages_hold_a_docstring_alone():
    for path in PACKAGE.rglob("*/__init__.py"):
        if path.parent != PACKAGE:
            (only,) = ast.parse(path.read_text()).body
            assert isinstance(only, ast.Expr), path


def test_the_page_has_no_copies_of_constants():
    scripts = "".join(path.read_text() for path in (PACKAGE / "page").glob("*.js"))
    constants = set(re.findall(r"^const ([A-Z_]+) = ", scripts, re.MULTILINE))
    assert constants
    assert not [name for name in constants if hasattr(repair, name) or hasattr(windows, name)]
