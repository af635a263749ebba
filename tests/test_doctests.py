"""The examples in docstrings."""

import doctest
from importlib import import_module

import pytest
from helpers import ROOT

SOURCE = ROOT / "src"
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_have_the_results_that_they_show(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried > 0
    assert failed == 0
