"""DVC watches the user's own files: folders in and outside of the repository, zips, and folders of links."""

import os
import shutil
from pathlib import Path

import pytest
import soundfile
from helpers import INSTRUMENTS, tone
from repository import stages_run, tiny_clone

from timbre.core.errors import DataError, ParamsError
from timbre.core.own_paths import check_own_paths, own_path
from timbre.core.params import load_params


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Return a clone that reads a data set. Outside it is a folder `recordings` with tones."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "clone").mkdir()
    for number, instrument in enumerate(INSTRUMENTS):
        (folder / "recordings" / instrument).mkdir(parents=True)
        for take in range(2):
            sound = tone(200.0 + 90 * number + 20 * take, 0.5, 8000)
            soundfile.write(folder / "recordings" / instrument / f"{take}.wav", sound, 8000)
    repository = tiny_clone(folder / "clone")
    repository.set_params({"data": {"source": "folder"}})
    return repository


def watched(repository, path):
    """Check that DVC sees the path, runs nothing when a file is touched, and names the path when a file changes."""
    repository.set_params({"data": {"folder": str(path)}})
    assert stages_run(repository.run("dvc repro download"))[-1] == "download"
    real = repository.folder / path
    for file in [real, *real.rglob("*")]:
        os.utime(file)
    assert stages_run(repository.run("dvc repro download")) == []
    if real.is_dir():
        file = real / "guitar/0.wav"
        content = file.read_bytes()
        file.unlink()  # which may be a link to DVC's cache
        file.write_bytes(content[:-2])
    else:
        real.write_bytes(real.read_bytes() + b"\0")
    status = repository.run("dvc status download")
    assert "modified:" in status and Path(path).name in status


def test_an_empty_folder_is_one_line(clone):
    output = clone.run("dvc repro download", status=255)
    assert (
        "download: data.folder: data/own/dataset is an empty folder; put recordings into it, or name another" in output
    )


def test_a_folder_outside_and_a_folder_in_the_repository_are_watched(clone):
    shutil.copytree(clone.folder.parent / "recordings", clone.folder.parent / "outside")
    watched(clone, "../outside")
    shutil.copytree(clone.folder.parent / "recordings", clone.folder / "data/own/dataset", dirs_exist_ok=True)
    watched(clone, "data/own/dataset")
    assert clone.run("git status --short data/own") == ""


def test_a_zip_is_watched(clone):
    shutil.make_archive(str(clone.folder.parent / "archive"), "zip", clone.folder.parent / "recordings")
    watched(clone, clone.folder.parent / "archive.zip")


def test_links_into_dvcs_cache_are_watched_also_in_a_copy_of_the_repository(clone):
    shutil.copytree(clone.folder.parent / "recordings", clone.folder / "mine")
    clone.run("dvc config cache.type symlink")
    clone.run("dvc add mine")
    assert (clone.folder / "mine/guitar/0.wav").is_symlink()
    clone.commit("mine")
    watched(clone, "mine")
    clone.run("dvc checkout --force mine")
    assert "9 files" in clone.run("dvc exp run --temp --force -S seed=7 download")


def test_a_path_that_does_not_exist_is_one_line_here_and_in_a_copy_of_the_repository(clone):
    output = clone.run("dvc exp run -S data.folder=nowhere download", status=255)
    assert "check_params: params.yaml: data.folder: nowhere does not exist; correct the path, or write" in output
    output = clone.run("dvc exp run --temp -S data.folder=../recordings download", status=255)
    assert "data.folder: ../recordings is missing in the copy of the repository" in output
    assert f"write {clone.folder.parent / 'recordings'}, or track it with dvc add" in output


def test_paths_are_checked_before_dvc_reads_them(clone, tmp_path, monkeypatch):
    monkeypatch.chdir(clone.folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    clone.set_params({"data": {"folder": "~/mine"}})
    with pytest.raises(ParamsError, match=f"data.folder: DVC does not replace ~; write {tmp_path}/mine"):
        check_own_paths(load_params())
    clone.set_params({"data": {"folder": "../recordings"}})
    full = clone.folder.parent / "recordings"
    assert check_own_paths(load_params()) == [
        f"data.folder: ../recordings is outside the repository; for dvc exp run --queue or --temp, write {full}"
    ]


def test_a_folder_without_visible_files_means_none(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/.gitkeep").touch()
    assert own_path(str(tmp_path / "own"), "songs.path") is None
    (tmp_path / "own/song.mp3").touch()
    assert own_path(str(tmp_path / "own"), "songs.path") == tmp_path / "own"
    for name in ("copy/own", "original/own"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "original"))
    monkeypatch.chdir(tmp_path / "copy")
    assert own_path("own", "songs.path") is None
    (tmp_path / "original/own/song.mp3").touch()
    with pytest.raises(
        DataError, match=r"songs\.path: own is empty in the copy .* not tracked; write .*/original/own,"
    ):
        own_path("own", "songs.path")
