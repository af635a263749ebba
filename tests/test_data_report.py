"""The data card: what metrics/data.json, plots/data.png and docs/data.md say about a data set."""

import json
import sys

import pytest
from helpers import INSTRUMENTS, ROOT

from timbre.core.tables import FileInfo, Issue, write_table
from timbre.evaluation.data_report import write_data_report

sys.path.insert(0, str(ROOT / "scripts"))
from data_page import data_page

FILES = [
    FileInfo("a.wav", "guitar", "train", "one", 44100, 2, 30.0, -3.0, "Iowa", "no restrictions"),
    FileInfo("b.wav", "guitar", "train", "one", 44100, 2, 90.0, -9.0, "Iowa", "no restrictions"),
    FileInfo("c.wav", "guitar", "test", "two", 22050, 1, 60.0, -6.0, "MTG", "CC BY 4.0"),
    FileInfo("d.wav", "other", "train", "three", 22050, 1, 3.0, -20.0, "MTG", "CC0"),
    FileInfo("e.wav", "guitar|piano", "validation", "four", 22050, 1, 6.0, -1.0),
]
ISSUES = [
    Issue("x.wav", "missing", "dropped", "not there"),
    Issue("a.wav", "sounds alike", "reported", "sounds the same as b.wav"),
]


@pytest.fixture
def card(tmp_path):
    (tmp_path / "clips").mkdir()
    write_table(tmp_path / "clips/files.csv", FILES, FileInfo)
    write_table(tmp_path / "clips/issues.csv", ISSUES, Issue)
    (tmp_path / "source.json").write_text('{"source": ["folder"]}')
    paths = tmp_path / "data.json", tmp_path / "data.png", tmp_path / "clips", tmp_path / "source.json"
    write_data_report(*paths, INSTRUMENTS)
    assert (tmp_path / "data.png").read_bytes().startswith(b"\x89PNG")
    return json.loads((tmp_path / "data.json").read_text())


def test_the_card_counts_clips_minutes_groups_sources_lengths_levels_and_faults(card):
    assert card["clips"]["train"] == {"guitar": 2, "drums": 0, "violin": 0, "piano": 0, "other": 1, "music": 0}
    assert card["minutes"]["train"]["guitar"] == 2.0
    assert card["groups"]["train"]["guitar"] == 1
    assert card["sources"]["MTG"] == {"licence": "CC BY 4.0; CC0", "test": {"guitar": 1}, "train": {"other": 1}}
    assert card["sources"]["folder"] == {"licence": "not named", "validation": {"music": 1}}
    assert card["seconds"]["guitar"] == {"lowest": 30, "median": 60, "highest": 90}
    assert card["level"]["guitar"] == {"lowest": -9, "median": -6, "highest": -3} and card["level"]["piano"] == {}
    assert card["dropped"] == {"missing": 1} and card["near_duplicates"] == 1
    assert card["faults"] == {"missing": 1, "sounds alike": 1}


def test_the_page_has_a_table_for_each_part_and_reads_cards_of_older_versions(card):
    page = data_page(card)
    assert "| train | 2 | 0 | 0 | 0 | 1 | 0 |" in page
    assert "| Iowa | no restrictions | train | 2 | 0 | 0 | 0 | 0 | 0 |" in page
    assert "| guitar | -9.0 | -6.0 | -3.0 |" in page and "| missing | 1 | 1 |" in page
    older = data_page({"clips": card["clips"], "faults": {}})
    assert "The audit found none." in older and "## Groups" not in older
