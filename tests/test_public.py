"""Reads public data sets: these tests make tiny copies in the publishers' layout, with generated audio."""

import csv

import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS, tone
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError
from timbre.core.partial_labels import present_and_absent
from timbre.sources.folder import folder_files
from timbre.sources.layouts import find_layout
from timbre.sources.public import COLLECTIONS

RATE = 22050


def write_table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)


def write_sound(path, hertz=440.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(hertz, 1.0, RATE) * np.exp(-np.arange(RATE) / RATE * 4), RATE)


@pytest.fixture
def openmic(tmp_path):
    """Make OpenMIC-2018 with four excerpts. One is from a corrupt track, and one has only another instrument."""
    home = tmp_path / "openmic-2018"
    labels = [
        ("000046_3840", "guitar", "0.9", 3),
        ("000046_3840", "mallet_percussion", "1.0", 3),
        ("000046_3840", "violin", "0.1", 4),
        ("000135_483840", "piano", "0.5", 3),
        ("000135_483840", "drums", "0.0", 3),
        ("071826_0", "piano", "1.0", 3),
        ("000207_0", "ukulele", "1.0", 3),
    ]
    write_table(
        home / "openmic-2018-aggregated-labels.csv", ("sample_key", "instrument", "relevance", "num_responses"), labels
    )
    write_table(home / "partitions/split01_train.csv", None, [["000046_3840"], ["000207_0"]])
    write_table(home / "partitions/split01_test.csv", None, [["000135_483840"], ["071826_0"]])
    for key in ("000046_3840", "000135_483840", "071826_0", "000207_0"):
        write_sound(home / f"audio/{key[:3]}/{key}.ogg")
    write_table(home / "class-map.json", None, [["{}"]])
    return home


@pytest.fixture
def irmas(tmp_path):
    """Make IRMAS with a training part and a testing part."""
    for name in ("gel/[gel][dru][pop_roc]0829__1", "gel/[gel][dru][pop_roc]0829__2", "pia/[pia][nod][cla]1389__1"):
        write_sound(tmp_path / f"IRMAS-TrainingData/{name}.wav")
    write_sound(tmp_path / "IRMAS-TrainingData/cel/[cel][cla]0001__1.wav")
    write_sound(tmp_path / "IRMAS-TestingData-Part1/Part1/02 - And So It Goes-1.wav")
    (tmp_path / "IRMAS-TestingData-Part1/Part1/02 - And So It Goes-1.txt").write_text("pia\t\r\nvio\t\r\n")
    return tmp_path


@pytest.fixture
def medley(tmp_path):
    """Make Medley-solos-DB in the folders that mirdata unpacks."""
    rows = [
        ("training", "violin", 7, 3, "aaaa-1"),
        ("validation", "female singer", 2, 5, "bbbb-2"),
        ("test", "distorted electric guitar", 1, 9, "cccc-3"),
        ("test", "piano", 4, 10, "dddd-4"),
        ("test", "piano", 4, 10, "gone-5"),
    ]
    header = ("subset", "instrument", "instrument_id", "song_id", "uuid4")
    write_table(tmp_path / "annotation/Medley-solos-DB_metadata.csv", header, rows)
    for subset, _, number, _, uuid in rows[:4]:
        write_sound(tmp_path / f"audio/Medley-solos-DB_{subset}-{number}_{uuid}.wav")
    return tmp_path


def read(name, folder, instruments=INSTRUMENTS):
    with folder_files(folder) as files:
        return {row.path.rsplit("/", 1)[-1]: row for row in COLLECTIONS[name].read(files, folder, instruments)}


def test_openmic_has_the_labels_of_the_crowd_its_own_split_and_no_corrupt_track(openmic):
    rows = read("openmic", openmic)
    assert present_and_absent(rows["000046_3840.ogg"].label) == (("guitar",), ("violin",))
    assert present_and_absent(rows["000135_483840.ogg"].label) == (("piano",), ("drums",))
    assert [row.split for row in rows.values()] == ["train", "test", "train"]
    assert not any("071826" in name for name in rows)
    percussion = read("openmic", openmic, ("mallet percussion", "violin"))
    assert present_and_absent(percussion["000046_3840.ogg"].label) == (("mallet percussion",), ("violin",))


def test_irmas_training_can_name_drums_and_testing_names_all_predominant_instruments(irmas):
    rows = read("irmas", irmas)
    assert present_and_absent(rows["[gel][dru][pop_roc]0829__1.wav"].label) == (("guitar", "drums"), ())
    assert present_and_absent(rows["[pia][nod][cla]1389__1.wav"].label) == (("piano",), ("drums",))
    assert present_and_absent(rows["02 - And So It Goes-1.wav"].label) == (("violin", "piano"), ("guitar",))
    assert len({row.group for name, row in rows.items() if "0829" in name}) == 1


def test_medley_solos_has_clips_of_single_instruments_and_of_other(medley):
    rows = read("medley-solos", medley)
    assert {name[16:]: (row.label, row.split) for name, row in rows.items()} == {
        "training-7_aaaa-1.wav": ("violin", "training"),
        "validation-2_bbbb-2.wav": ("other", "validation"),
        "test-1_cccc-3.wav": ("guitar", "test"),
        "test-4_dddd-4.wav": ("piano", "test"),
    }


@pytest.mark.parametrize("name", COLLECTIONS)
def test_each_data_set_is_a_layout_and_has_a_benchmark_on_its_test_split(name, request):
    folder = request.getfixturevalue(name.partition("-")[0])
    with folder_files(folder) as files:
        found = find_layout(files, folder, INSTRUMENTS)
    assert found.layout == COLLECTIONS[name].title
    assert {"train", "test"} <= {recording.split for recording in found.recordings}
    result = CliRunner().invoke(app, ["benchmark", name, str(folder)])
    assert result.exit_code == 0, result.output
    count = {"openmic": 1, "irmas": 1, "medley-solos": 2}[name]
    assert f"{count} recordings of {count} sources (the test split of {found.layout})" in result.output
    assert ("single-label recall" in result.output) == (name == "medley-solos")
    assert "F1 of absence" in result.output and "Published: " in result.output


@pytest.mark.parametrize(
    ("name", "gone", "reason"),
    [
        ("openmic", "partitions/split01_test.csv", "has no partitions/split01_test.csv"),
        ("openmic", "audio", "has no recordings from openmic-2018-aggregated-labels.csv"),
        ("irmas", "", "has no recordings of IRMAS"),
        ("medley", "audio", "has no recordings from Medley-solos-DB_metadata.csv"),
    ],
)
def test_a_missing_part_gives_a_one_line_error(name, gone, reason, request, tmp_path):
    folder = request.getfixturevalue(name)
    for file in [
        file for file in folder.rglob("*") if file.is_file() and file.relative_to(folder).as_posix().startswith(gone)
    ]:
        file.unlink()
    with pytest.raises(DataError, match=reason):
        read("medley-solos" if name == "medley" else name, folder)
