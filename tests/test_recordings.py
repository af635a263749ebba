"""Recordings that somebody labelled: copied into Kaggle's layout with their groups, weights and credits, or refused."""

import csv

import pytest
import yaml
from helpers import INSTRUMENTS, committed_params, with_changes

from timbre.core.errors import DataError, ParamsError
from timbre.core.params import Params, Recordings, load_params
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
def recordings(tmp_path):
    folder = tmp_path / "recordings"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "labels.csv").write_text(ROWS)
    return folder


def test_recordings_are_copied_with_groups_of_their_source_weights_and_credits(recordings, tmp_path):
    raw = tmp_path / "raw"
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


def test_recordings_stand_beside_rendered_clips(recordings, tiny, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
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
        ("oak/a.flac", "oak/c.flac", r"labels\.csv:2: oak/c\.flac is not there"),
        ("oak/a.flac", "../labels.csv", r"labels\.csv:2: '\.\./labels\.csv' is no path below the folder"),
        ("oak/a.flac", "oak/b.flac", r"labels\.csv:3: oak/b\.flac: its copy has the name of another"),
        ("path,label", "name,label", r"labels\.csv: has no column path"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(recordings, tmp_path, old, new, reason):
    (recordings / "labels.csv").write_text(ROWS.replace(old, new))
    with pytest.raises(DataError, match=reason):
        copy_recordings(Recordings(folder=str(recordings), weight=1), INSTRUMENTS, tmp_path / "raw")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            {"source": ["soundfont", "kaggle"]},
            r"data\.source: must be one of .*, or some of \[soundfont, recordings",
        ),
        ({"source": "recordings"}, r"data\.recordings\.folder must name a folder"),
    ],
)
def test_sources_that_cannot_be_meant_are_refused(tmp_path, data, reason):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(with_changes(committed_params(), {"data": data})))
    with pytest.raises(ParamsError, match=reason):
        load_params(tmp_path / "params.yaml")


def test_one_source_or_several_may_be_named():
    several = {"source": ["soundfont", "recordings"], "recordings": {"folder": "x"}}
    assert Params.model_validate(committed_params()).data.source == ("soundfont",)
    changed = Params.model_validate(with_changes(committed_params(), {"data": several}))
    assert changed.data.source == ("soundfont", "recordings")
