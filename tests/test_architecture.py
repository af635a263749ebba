"""Imports in the package go one way, between files and between folders."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from helpers import ROOT
from imports import imported_by, imported_files

from timbre.audio import repair, windows

PACKAGE = ROOT / "src" / "timbre"
FILES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]


def folder(path):
    """Return the first folder of a file below the package, or the file's own name."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("name", [str, folder])
def test_no_import_is_circular(name):
    graph = {}
    for path in FILES:
        graph.setdefault(name(path), set()).update({name(other) for other in imported_by(path)} - {name(path)})
    TopologicalSorter(graph).prepare()


def test_each_folder_imports_only_from_those_before_it():
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
        if folder(path) in allowed:
            assert {folder(other) for other in imported_by(path)} <= allowed[folder(path)] | {folder(path)}, path


def test_worker_processes_of_prepare_start_without_pytorch():
    files = imported_files(PACKAGE / "dataset" / "windows.py")
    assert not [file for file in files if re.search("^(import|from) torch", (ROOT / file).read_text(), re.MULTILINE)]


def test_init_files_contain_a_docstring_only():
    for path in PACKAGE.rglob("*/__init__.py"):
        if path.parent != PACKAGE:
            (only,) = ast.parse(path.read_text()).body
            assert isinstance(only, ast.Expr), path


def test_the_page_has_no_copies_of_constants():
    scripts = "".join(path.read_text() for path in (PACKAGE / "page").glob("*.js"))
    constants = set(re.findall(r"^const ([A-Z_]+) = ", scripts, re.MULTILINE))
    assert constants
    assert not [name for name in constants if hasattr(repair, name) or hasattr(windows, name)]
