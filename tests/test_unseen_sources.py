"""Folds of sources (`benchmarks/unseen_sources.py`)."""

import sys
from collections import Counter

import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.errors import ParamsError
from timbre.core.tables import FileInfo

sys.path.insert(0, str(ROOT / "benchmarks"))
from unseen_sources import as_table, changed, folds_of

SOURCES = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 30), min_size=3, max_size=12)


def files(sources, label="guitar"):
    return [
        FileInfo(f"{name}{number}", label, "train", "", 8000, 1, 4.0, -10.0, name, "")
        for name, count in sources.items()
        for number in range(count)
    ]


@given(SOURCES, st.integers(2, 3))
@settings(max_examples=50, deadline=None)
def test_each_source_is_in_one_fold_and_folds_are_as_even_as_the_sources_allow(sources, count):
    folds = folds_of(files(sources), count, seed=0)
    assert folds == folds_of(files(sources)[::-1], count, seed=0)
    assert folds.keys() == sources.keys()
    clips = Counter(dict.fromkeys(range(count), 0))
    for source, fold in folds.items():
        clips[fold] += sources[source]
    assert max(clips.values()) - min(clips.values()) <= max(sources.values())


def test_sound_fonts_are_no_sources_of_recordings():
    assert folds_of(files({"one.sf2": 3, "two": 2}), 2, seed=0) == {"two": 0}


def test_the_table_has_the_mean_of_all_folds():
    assert as_table([{"AUC": 0.9}, {"AUC": 0.8}]).splitlines()[-1] == "| AUC | 0.850 | 0.900 | 0.800 |"


def test_settings_change_params_that_exist():
    params = {"epochs": 3, "mixtures": {"fresh": 1, "train": 2}}
    assert changed(params, ["mixtures.fresh=5", "epochs=4"]) == {"epochs": 4, "mixtures": {"fresh": 5, "train": 2}}
    for setting in ("mixtures.fesh=5", "epochs.fesh=5"):
        with pytest.raises(ParamsError, match=r"^fesh: params\.yaml has no such key; remove or rename it$"):
            changed(params, [setting])
