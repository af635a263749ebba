"""The layout of a data set: a folder for each instrument, a labels.csv, or Kaggle's."""

import csv
import io
import unicodedata

import pytest

from timbre.core.errors import DataError
from timbre.dataset.audit import audit
from timbre.sources.copy import copy_dataset
from timbre.sources.files import File
from timbre.sources.layouts import BY_INSTRUMENT, KAGGLE, LABELLED, find_layout

INSTRUMENTS = ("cello", "flute")
TABLE = "path,present,absent,group,split\na/1.wav,cello;voice,flute,one,\na/2.wav,,Cello;flutes,,test\n"
PLAIN = [
    *("cello/a.wav", "Flutes/a.wav", "flute/b.wav", "flute/video.MP4", "flute/no suffix"),
    *("none/hum.wav", "trumpet/t.wav"),
]


def files(names, table=""):
    """Return files with these names. Their content is the table."""
    return {name: File(1, lambda: io.BytesIO(table.encode())) for name in names}


@pytest.mark.parametrize("prefix", ["", "archive/", "archive/My Recordings/"])
def test_a_folder_for_each_instrument_is_found_whatever_is_next_to_it_and_around_it(prefix):
    others = [".DS_Store", "__MACOSX/cello/._a.wav", "README.txt", "docs/manual.pdf", "docs/LICENSE"]
    names = [*(prefix + name for name in PLAIN), prefix + "cello/notes.txt", *others]
    found = find_layout(files(names), "mine", INSTRUMENTS)
    assert found.layout == BY_INSTRUMENT
    assert {recording.short_path: recording.label for recording in found.recordings} == {
        "cello/a.wav": "cello",
        "Flutes/a.wav": "flute",
        "flute/b.wav": "flute",
        "flute/video.MP4": "flute",
        "flute/no suffix": "flute",
        "none/hum.wav": "other",
        "trumpet/t.wav": "other",
    }
    assert {recording.path for recording in found.recordings} == {prefix + name for name in PLAIN}


def test_folders_of_splits_are_above_those_of_instruments_and_folders_of_groups_below():
    names = ["train/cello/day 1/a.wav", "val/cello/b.wav", "test/flute/c.wav", "Train/flute/day 1/d.wav"]
    found = find_layout(files([*names, "test/cello/day 1/a.wav"]), "mine", INSTRUMENTS)
    assert [(recording.split, recording.short_path, recording.group) for recording in found.recordings] == [
        ("train", "flute/day 1/d.wav", "flute/day 1"),
        ("test", "cello/day 1/a.wav", "test/cello/day 1"),
        ("test", "flute/c.wav", ""),
        ("train", "cello/day 1/a.wav", "train/cello/day 1"),
        ("validation", "cello/b.wav", ""),
    ]


def test_names_in_decomposed_letters_and_with_combining_marks_are_found():
    for name in ("cajón", "तबला", "ปี่ใน"):
        folder = unicodedata.normalize("NFD", name)
        found = find_layout(files([f"{folder}/a.wav", "cello/a.wav"]), "mine", (name, "cello"))
        assert {recording.label for recording in found.recordings} == {name, "cello"}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.wav"], r"has no folders of instruments \(cello, flute\), no labels.csv, no Metadata_Train.csv"),
        (
            ["cello/a.wav", "flutte/a.wav", "stuff/x.wav"],
            "folder stuff: class 'stuff' is none of cello, flute, other; ",
        ),
        (["cello/a.wav", "Metadata_Train.csv"], r"and folders of instruments \(cello\); remove one of them"),
        (["x/cello/a.wav", "y/cello/a.wav"], r"has several data sets \(x/, y/\); name one of them"),
    ],
)
def test_no_layout_and_two_layouts_are_refused(names, reason):
    with pytest.raises(DataError, match=reason):
        find_layout(files(names), "mine", INSTRUMENTS)


@pytest.mark.parametrize("prefix", ["", "archive/", "archive/2024/"])
def test_a_labels_csv_says_what_is_present_and_absent(prefix):
    names = [prefix + name for name in ("labels.csv", "a/1.wav", "A/2.wav", "b/3.wav")]
    found = find_layout(files(names, TABLE), "mine", INSTRUMENTS)
    assert found.layout == LABELLED and found.table == f"{prefix}labels.csv"
    assert [tuple(recording)[:6] for recording in found.recordings] == [
        (f"{prefix}a/1.wav", f"{prefix}a/1.wav", "train", "cello|flute", "one", 1),
        (f"{prefix}A/2.wav", f"{prefix}A/2.wav", "test", "|cello;flute", "", 1),
    ]


@pytest.mark.parametrize(
    ("names", "table", "reason"),
    [
        (["a/1.wav"], TABLE, "labels.csv:3: a/2.wav does not exist; write the path of a file below the folder, or rem"),
        ([], TABLE.replace("a/1", "../1"), r"labels.csv:2: ../1.wav leads outside the folder"),
        ([], TABLE.replace("a/1", "/a/1"), r"labels.csv:2: /a/1.wav is an absolute path"),
        ([], TABLE.replace("a/1", r"C:\a"), r"labels.csv:2: C:/a.wav names a drive"),
        (["a/1.wav", "a/2.wav"], TABLE.replace("one,", "one,dev"), "labels.csv:2: split 'dev' is unknown; write train"),
        (["a/1.wav"], TABLE.replace("a/2", "a/1"), "labels.csv:3: a/1.wav is in train and in test; remove one of its"),
        ([], TABLE.replace(",flute", ",cello"), "labels.csv:2: a/1.wav: cello cannot be present and absent"),
        ([], TABLE.replace("voice", "zither"), "labels.csv:2: a/1.wav: class 'zither' is none of cello, flute, other"),
        ([], "path,plays\na/1.wav,cello\n", "labels.csv: has no column label; expected CSV with"),
        ([], TABLE.splitlines()[0], "labels.csv: has no rows"),
        (["a/1.wav", "a/2.wav", "cello/9.wav"], TABLE, r"has labels.csv and folders of instruments \(cello\); remove"),
    ],
)
def test_an_error_in_a_labels_csv_names_its_row(names, table, reason):
    with pytest.raises(DataError, match=reason):
        find_layout(files(["labels.csv", *names], table), "mine", INSTRUMENTS)


@pytest.mark.parametrize("home", ["", "x/", "x/y/"])
def test_files_in_kaggles_layout_keep_their_names(home):
    names = [home + name for name in ("Metadata_Train.csv", "Metadata_Test.csv", "Train_submission/a.wav")]
    found = find_layout(files([*names, f"{home}Test_submission/b.wav"]), "mine", INSTRUMENTS)
    assert found.layout == KAGGLE and found.files[f"{home}Train_submission/a.wav"] == "Train_submission/a.wav"


def test_the_copy_passes_the_audit(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in PLAIN:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(name.encode())
    (tmp_path / "raw").mkdir()
    provenance = copy_dataset(tmp_path / "mine", INSTRUMENTS, tmp_path / "raw")
    assert provenance == {"kind": "folder", "layout": BY_INSTRUMENT, "ignored": 0}
    clips, issues = audit(tmp_path / "raw", INSTRUMENTS)
    assert sorted(clip.label for clip in clips) == ["cello", *["flute"] * 4, "other", "other"] and not issues
    with (tmp_path / "raw/Metadata_Train.csv").open(newline="") as file:
        assert next(csv.DictReader(file)) == {
            "FileName": "Flutes__a.wav",
            "Class": "flute",
            "Group": "",
            "Weight": "1",
            "Split": "",
            "Source": "",
            "Licence": "",
        }
