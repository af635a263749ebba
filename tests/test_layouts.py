"""Recordings in a folder for each instrument, or labelled music: found by looking, told from Kaggle's layout."""

import csv
import io

import pytest

from timbre.core.errors import DataError
from timbre.dataset.audit import audit
from timbre.sources.files import File
from timbre.sources.folder import copy_dataset
from timbre.sources.layouts import BY_INSTRUMENT, KAGGLES, MUSIC, find_layout

INSTRUMENTS = ("cello", "flute")
TABLE = "path,present,absent,group,split\na/1.wav,cello;voice,flute,one,\na/2.wav,,Cello;flutes,,test\n"
PLAIN = ["cello/a.wav", "Flutes/a.wav", "flute/b.wav", "none/hum.wav", "trumpet/t.wav"]


def laid(names, table=""):
    """Files of these names; `labels.csv` holds the table."""
    return {name: File(1, lambda: io.BytesIO(table.encode())) for name in names}


@pytest.mark.parametrize("prefix", ["", "archive/"])
def test_a_folder_for_each_instrument_is_found_with_negatives_and_what_nobody_asked_for(prefix):
    found = find_layout(
        laid([*(prefix + name for name in PLAIN), prefix + "read me.txt", ".DS_Store"]), "mine", INSTRUMENTS
    )
    assert found.layout == BY_INSTRUMENT and found.rows[1] == []
    assert {row.name: row.instrument for row in found.rows[0]} == {
        "cello__a.wav": "cello",
        "Flutes__a.wav": "flute",
        "flute__b.wav": "flute",
        "none__hum.wav": "other",
        "trumpet__t.wav": "other",
    }
    assert set(found.files) == {prefix + name for name in PLAIN}


def test_folders_for_splits_stand_above_and_those_of_sessions_below():
    names = ["train/cello/day 1/a.wav", "val/cello/b.wav", "test/flute/c.wav", "Train/flute/day 1/d.wav"]
    found = find_layout(laid(names), "mine", INSTRUMENTS)
    assert [(row.name, row.group) for row in found.rows[0]] == [
        ("flute__day 1__d.wav", "flute/day 1"),
        ("cello__day 1__a.wav", "cello/day 1"),
        ("cello__b.wav", ""),
    ]
    assert found.files["test/flute/c.wav"] == "Test_submission/Test_submission/flute__c.wav"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.wav"], r"holds neither Metadata_Train.csv, .*, nor folders of instruments \(cello, flute\)"),
        (
            ["cello/a.wav", "flutte/a.wav", "stuff/x.wav"],
            "folder stuff: class 'stuff' is none of cello, flute, other; ",
        ),
        (["cello/a.wav", "Metadata_Train.csv"], r"and folders of instruments \(cello\); take the one or other out"),
    ],
)
def test_what_could_be_either_or_neither_says_what_was_seen(names, reason):
    with pytest.raises(DataError, match=reason):
        find_layout(laid(names), "mine", INSTRUMENTS)


@pytest.mark.parametrize("prefix", ["", "archive/"])
def test_a_table_says_what_plays_in_music_and_what_does_not(prefix):
    names = [prefix + name for name in ("labels.csv", "a/1.wav", "A/2.wav", "b/3.wav")]
    found = find_layout(laid(names, TABLE), "mine", INSTRUMENTS)
    train, test = found.rows
    assert found.layout == MUSIC and len(found.files) == 2
    assert [(row.instrument, row.group) for row in train + test] == [("cello|flute", "one"), ("|cello;flute", "")]
    assert found.files[f"{prefix}A/2.wav"].startswith("Test_submission/")


@pytest.mark.parametrize(
    ("names", "table", "reason"),
    [
        (["a/1.wav"], TABLE, "labels.csv:3: a/2.wav is not there; put it right, or take the row out"),
        ([], TABLE.replace("a/1", "../1"), r"labels.csv:2: ../1.wav leads outside the folder"),
        (["a/1.wav", "a/2.wav"], TABLE.replace("one,", "one,dev"), "labels.csv:2: split 'dev' is none of train, valid"),
        ([], TABLE.replace(",flute", ",cello"), "labels.csv:2: a/1.wav: cello cannot be present and absent"),
        ([], TABLE.replace("voice", "zither"), "labels.csv:2: a/1.wav: class 'zither' is none of cello, flute, other"),
        ([], "path,plays\na/1.wav,cello\n", "labels.csv: has no column label; expected CSV with"),
        ([], TABLE.splitlines()[0], "labels.csv: has no rows"),
        (["a/1.wav", "a/2.wav", "cello/9.wav"], TABLE, r"holds labels.csv and folders of instruments \(cello\); take"),
    ],
)
def test_a_table_that_cannot_be_meant_names_its_row(names, table, reason):
    with pytest.raises(DataError, match=reason):
        find_layout(laid(["labels.csv", *names], table), "mine", INSTRUMENTS)


def test_kaggles_layout_is_taken_as_it_is():
    names = [f"x/{name}" for name in ("Metadata_Train.csv", "Metadata_Test.csv", "Train_submission/a.wav")]
    found = find_layout(laid([*names, "x/Test_submission/b.wav"]), "mine", INSTRUMENTS)
    assert found.layout == KAGGLES and found.files["x/Train_submission/a.wav"] == "Train_submission/a.wav"


def test_the_copy_is_audited_like_any_other(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in PLAIN:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(name.encode())
    (tmp_path / "raw").mkdir()
    told = copy_dataset(tmp_path / "mine", INSTRUMENTS, tmp_path / "raw")
    assert told == {"kind": "folder", "layout": BY_INSTRUMENT, "ignored": 0}
    clips, issues = audit(tmp_path / "raw", INSTRUMENTS)
    assert sorted(clip.label for clip in clips) == ["cello", "flute", "flute", "other", "other"] and not issues
    with (tmp_path / "raw/Metadata_Train.csv").open(newline="") as file:
        assert next(csv.DictReader(file)) == {"FileName": "Flutes__a.wav", "Class": "flute", "Group": "", "Weight": "1"}
