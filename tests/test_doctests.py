"""Run the examples in docstrings of pure functions."""

import doctest
from importlib import import_module

import pytest

MODULES = [
    *("core.partial_labels", "core.printable", "core.rng", "features.display", "features.events"),
    *("model.tasks", "songs.presence"),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_the_written_results(name):
    failed, tried = doctest.testmod(import_module(f"timbre.{name}"))
    assert tried > 0
    assert failed == 0
