"""Recordings with a labels.csv: copied into Kaggle's layout with their groups, weights and credits, or refused."""

import csv
import shutil
import unicodedata
from zipfile import ZipFile

import pytest
import yaml
from helpers import INSTRUMENTS, committed_params

from timbre.core.errors import DataError, ParamsError
from timbre.core.params import Params, Recordings, load_params
from timbre.core.yaml_file import with_changes
from timbre.dataset.audit import audit
from timbre.sources.recordings import copy_recordings
from timbre.sources.soundfont import render_dataset

FILES = {"oak/a.flac": b"1", "oak/b.flac": b"22", "pine/b.flac": b"333"}
ROWS = """path,label,source,licence,group
oak/a.flac,guitar,Oak,CC0,first
oak/b.flac,other:voice,Oak,CC0,
pine/b.flac,Piano,Pine,CC BY 4.0,first
"""


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recordings"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "labels.csv").write_text(ROWS)
    return folder


def test_recordings_are_copied_with_groups_of_their_source_weights_and_credits(recordings, raw):
    credits = copy_recordings(Recordings(folder=str(recordings), weight=3), INSTRUMENTS, raw)["credits"]
    clips, issues = audit(raw, INSTRUMENTS)
    assert [(clip.file.split("/")[-1], clip.label, clip.group, clip.weight) for clip in clips] == [
        ("oak__a.flac", "guitar", "Oak/first", 3),
        ("oak__b.flac", "other", "", 3),
        ("pine__b.flac", "piano", "Pine/first", 3),
    ]
    assert {(raw / clip.file).read_bytes() for clip in clips} == set(FILES.values())
    assert issues == []
    assert [tuple(row.values()) for row in credits] == [("Oak", "CC0", 2), ("Pine", "CC BY 4.0", 1)]


def test_recordings_are_added_to_rendered_clips(recordings, tiny, raw):
    render_dataset(tiny.soundfont, INSTRUMENTS, 0, raw, tiny.compute)
    copy_recordings(Recordings(folder=str(recordings), weight=3), INSTRUMENTS, raw)
    with (raw / "Metadata_Train.csv").open(newline="") as file:
        weights = [row["Weight"] for row in csv.DictReader(file)]
    assert weights.count("3") == 3
    assert set(weights) == {"1", "3"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("guitar", "lute", r"labels\.csv:2: oak/a\.flac: class 'lute' is none of guitar, drums, violin, piano, other"),
        ("oak/a.flac", "oak/c.flac", r"labels\.csv:2: oak/c\.flac does not exist; write the path of a file below"),
        ("oak/a.flac", "../labels.csv", r"labels\.csv:2: \.\./labels\.csv leads outside the folder; write the path"),
        ("oak/a.flac", "/etc/a.flac", r"labels\.csv:2: /etc/a\.flac is an absolute path; write the path"),
        ("path,label", "name,label", r"labels\.csv: has no column path"),
    ],
)
def test_an_error_in_a_row_names_the_row(recordings, raw, old, new, reason):
    (recordings / "labels.csv").write_text(ROWS.replace(old, new))
    with pytest.raises(DataError, match=reason):
        copy_recordings(Recordings(folder=str(recordings), weight=1), INSTRUMENTS, raw)
    assert not list(raw.iterdir())


def test_the_absolute_path_of_a_recording_writes_nothing_outside_the_target(recordings, raw):
    before = sorted(recordings.parent.rglob("*"))
    (recordings / "labels.csv").write_text(f"{ROWS}{recordings}/oak/a.flac,guitar,,,\n")
    with pytest.raises(DataError, match=r"labels\.csv:5: .*/oak/a\.flac is an absolute path; write the path of a file"):
        copy_recordings(Recordings(folder=str(recordings), weight=1), INSTRUMENTS, raw)
    assert sorted(recordings.parent.rglob("*")) == before


def test_names_and_labels_can_be_spelt_differently(recordings, raw):
    (recordings / "oak" / unicodedata.normalize("NFD", "Café.flac")).write_bytes(b"4444")
    rows = ROWS.replace("guitar", "Sound_Guitar").replace("Piano", "pianos").replace("pine/b", "./Pine/B")
    (recordings / "labels.csv").write_text(f"{rows}{unicodedata.normalize('NFC', 'oak/Café.flac')},Guitars,,,\n")
    copy_recordings(Recordings(folder=str(recordings), weight=1), INSTRUMENTS, raw)
    clips, issues = audit(raw, INSTRUMENTS)
    assert [clip.label for clip in clips] == ["guitar", "guitar", "other", "piano"] and not issues


def test_a_path_that_could_mean_two_files_is_refused(recordings, raw):
    (recordings / "labels.csv").write_text(ROWS.replace("oak/a", "Oak/a"))
    shutil.make_archive(str(recordings), "zip", recordings)
    with ZipFile(f"{recordings}.zip", "a") as archive:  # not every disk has two such files
        archive.writestr("oak/A.flac", b"4444")
    with pytest.raises(DataError, match=r"labels\.csv:2: Oak/a\.flac could mean oak/a\.flac or oak/A\.flac; write the"):
        copy_recordings(Recordings(folder=f"{recordings}.zip", weight=1), INSTRUMENTS, raw)


def test_a_row_that_is_there_twice_is_counted_once_and_reported(recordings, raw):
    (recordings / "labels.csv").write_text(f"{ROWS}oak/a.flac,guitar,Oak,CC0,first\n")
    provenance = copy_recordings(Recordings(folder=str(recordings), weight=1), INSTRUMENTS, raw)
    clips, issues = audit(raw, INSTRUMENTS)
    assert len(clips) == 3 and [issue.kind for issue in issues] == ["listed twice"]
    assert provenance["credits"][0]["recordings"] == 2


def test_recordings_in_a_zip_and_splits_of_their_own(recordings, raw):
    header, *rows = ROWS.splitlines()
    splits = ["split", "train", "test", "validation"]
    table = "\n".join(f"{row},{split}" for row, split in zip([header, *rows], splits, strict=True))
    (recordings / "labels.csv").write_text(table)
    shutil.make_archive(str(recordings), "zip", recordings.parent, recordings.name)
    copy_recordings(Recordings(folder=f"{recordings}.zip", weight=1), INSTRUMENTS, raw)
    assert [clip.split for clip in audit(raw, INSTRUMENTS)[0]] == ["test", "train", "validation"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            {"source": ["soundfont", "kaggle"]},
            r"data\.source: must be one of .*, or a list of some of \[soundfont, recordings",
        ),
        ({"recordings": {"folder": ""}}, r"data\.recordings\.folder must not be empty"),
    ],
)
def test_impossible_sources_and_empty_paths_are_refused(tmp_path, data, reason):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(with_changes(committed_params(), {"data": data})))
    with pytest.raises(ParamsError, match=reason):
        load_params(tmp_path / "params.yaml")


def test_one_source_or_several_can_be_named():
    several = {"source": ["soundfont", "recordings"], "recordings": {"folder": "x"}}
    assert Params.model_validate(committed_params()).data.source == ("soundfont",)
    changed = Params.model_validate(with_changes(committed_params(), {"data": several}))
    assert changed.data.source == ("soundfont", "recordings")
