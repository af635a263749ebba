"""Croissant metadata, as MLCommons' own library reads it."""

import hashlib
import json
import sys

import mlcroissant
import pytest
from helpers import INSTRUMENTS, ROOT

from timbre.core.tables import FileInfo, write_table
from timbre.describe.croissant import as_text
from timbre.describe.run_data import run_metadata
from timbre.sources.fetch import Entry

sys.path.insert(0, str(ROOT / "scripts"))
import release_files

FILES = [
    FileInfo("train/a.wav", "guitar", "train", "one", 44100, 2, 30.0, -3.0, "Iowa", "no restrictions"),
    FileInfo("test/b é.flac", "piano", "test", "two", 22050, 1, 60.5, -6.0, "MTG", "CC BY 4.0, Jane"),
    FileInfo("train/c.wav", "guitar|piano", "validation", "three", 22050, 1, 6.0, -1.0),
]


@pytest.fixture
def data(tmp_path):
    """Return a folder such as `data`, with the metadata of three recordings. Their sound is not read."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "clips").mkdir()
    write_table(tmp_path / "clips/files.csv", FILES, FileInfo)
    write_table(tmp_path / "raw/manifest.csv", [Entry(file.file, 8, "a" * 64) for file in FILES], Entry)
    (tmp_path / "raw/source.json").write_text('{"source": ["soundfont", "folder"]}')
    metadata, count = run_metadata(tmp_path, INSTRUMENTS)
    assert count == len(FILES)
    (tmp_path / "croissant.json").write_text(as_text(metadata), encoding="utf-8")
    return tmp_path


def records(dataset, name):
    """Return the records of a set, with text instead of bytes and without the name of the set."""
    return [
        {key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value for key, value in record.items()}
        for record in dataset.records(name)
    ]


def warnings_of(dataset):
    return [text for text in dataset.metadata.ctx.issues.warnings if "datePublished" not in text]


def test_the_metadata_of_a_run_is_valid_and_gives_each_recording(data):
    dataset = mlcroissant.Dataset(data / "croissant.json")
    assert not warnings_of(dataset)
    first, second, third = records(dataset, "recordings")
    expected = {name: getattr(FILES[1], name) for name in FileInfo.__slots__}
    assert second == expected
    assert (first["licence"], third["label"]) == ("no restrictions", "guitar|piano")
    assert [record["sha256"] for record in records(dataset, "files")] == ["a" * 64] * 3


def test_the_metadata_of_a_run_has_hashes_licences_audio_and_responsible_ai_fields(data):
    dataset = mlcroissant.Dataset(data / "croissant.json").metadata
    hashes = {file.content_url: file.sha256 for file in dataset.file_objects}
    assert hashes == {
        name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in ("clips/files.csv", "raw/manifest.csv")
    }
    assert [file_set.includes for file_set in dataset.file_sets] == [["raw/*.flac"], ["raw/*.wav"]]
    assert set(dataset.license) == {
        "https://spdx.org/licenses/CC-BY-4.0",
        "LicenseRef-no-restrictions",
        "NOASSERTION",
    }
    assert "rendered" in dataset.data_collection and "folder of the user" in dataset.data_collection
    assert dataset.data_limitations and dataset.data_biases and dataset.personal_sensitive_information


def test_changed_data_is_noticed(data):
    (data / "clips/files.csv").write_text((data / "clips/files.csv").read_text() + "\n")
    with pytest.raises(Exception, match=r"Download\(clips/files.csv\)"):
        records(mlcroissant.Dataset(data / "croissant.json"), "recordings")


def test_the_released_recordings_have_valid_metadata_with_every_record():
    folder = release_files.RECORDINGS
    text = (folder / "croissant.json").read_text(encoding="utf-8")
    assert text == release_files.croissant(), "run python scripts/release.py describe"
    dataset = mlcroissant.Dataset(folder / "croissant.json")
    assert not warnings_of(dataset)
    for table in release_files.TABLES:
        lines = (folder / table.file).read_text(encoding="utf-8").splitlines()
        first = next(iter(records(dataset, table.name)))
        assert list(first) == lines[0].split(","), table.name
        assert set(table.columns) == set(first)
    assert json.loads(text)["license"]
