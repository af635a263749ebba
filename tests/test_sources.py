"""The user's own recordings: folders and zips are copied exactly, or refused with a one-line error."""

import csv
import hashlib
import io
import json
import os
import shutil
import stat
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from helpers import INSTRUMENTS
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.errors import DataError
from timbre.core.params import Params
from timbre.sources.copy import copy_dataset
from timbre.sources.fetch import fetch

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "../shared/kaggle-sample"
TRAIN, TEST = "Train_submission/Train_submission/", "Test_submission/Test_submission/"
DATASET = {
    "Metadata_Train.csv": b"FileName,Class\r\na.wav,Sound_Guitar\r\n",
    "Metadata_Test.csv": b"FileName,Class\r\nb.wav,Sound_Piano\r\n",
    TRAIN + "a.wav": b"RIFF" * 1000,
    TRAIN + "Vn-ord-E6 (1).wav": b"",
    TEST + "Gitarre gezupft \u00e4\u6f22.wav": b"RIFF" * 10,
}


def params(source: str | list[str], folder: Path | str = "data/own/dataset") -> Params:
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["data"] |= {"source": source, "folder": str(folder)}
    return Params.model_validate(values)


def write_folder(folder: Path, files: dict[str, bytes] = DATASET) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zip_bytes(files: dict[str | zipfile.ZipInfo, bytes] = DATASET) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def write_zip(path: Path, files: dict[str | zipfile.ZipInfo, bytes] = DATASET, prefix: str = "") -> Path:
    path.write_bytes(zip_bytes({prefix + name: data for name, data in files.items()} if prefix else files))
    return path


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def raw(tmp_path, monkeypatch) -> Path:
    """Return the empty folder to fill, in its own repository."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    (tmp_path / "repository/data/new").mkdir(parents=True)
    return tmp_path / "repository/data/new"


@pytest.fixture
def refusal(raw, tmp_path):
    """Return a function that copies a data set and returns the error. Only the folder to fill may have changed."""

    def reason(origin: Path) -> str:
        before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*") if raw not in path.parents}
        with pytest.raises(DataError) as caught:
            copy_dataset(origin, INSTRUMENTS, raw)
        after = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*") if raw not in path.parents}
        before.pop(raw), after.pop(raw)
        assert after == before
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return reason


def test_a_folder_and_its_zips_give_the_same_data_set_and_manifest(tmp_path, raw):
    extra = {"read me.txt": b"", TRAIN + ".DS_Store": b"", "x.wav": b""}
    origins = [
        write_folder(tmp_path / "whole", DATASET | extra),
        write_folder(tmp_path / "above" / "inner", DATASET | extra).parent,
        write_zip(tmp_path / "whole.zip", DATASET | extra),
        write_zip(tmp_path / "top.zip", DATASET | extra, prefix="archive/"),
    ]
    manifests = set()
    for number, origin in enumerate(origins):
        folder = raw / str(number)
        folder.mkdir()
        assert fetch(params("folder", origin), folder) == (
            "5 files, 4.11kB, from folder (Kaggle's layout; without 1 .txt, 1 .wav)"
        )
        files = held(folder)
        manifest, source = files.pop("manifest.csv"), json.loads(files.pop("source.json"))
        assert files == DATASET
        assert source["folder"] == {
            "kind": "zip" if origin.suffix else "folder",
            "layout": "Kaggle's layout",
            "ignored": 3,
            "left out": {".txt": 1, ".wav": 1},
        }
        manifests.add(manifest)
    assert len(manifests) == 1


def test_the_manifest_and_provenance_describe_the_files_and_not_this_machine(tmp_path, raw):
    fetch(params("folder", write_folder(tmp_path / "mine")), raw)
    with (raw / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == sorted(DATASET)
    for row in rows:
        assert row["sha256"] == hashlib.sha256(DATASET[row["file"]]).hexdigest()
        assert int(row["bytes"]) == len(DATASET[row["file"]])
    text = (raw / "source.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "source": ["folder"],
        "folder": {"kind": "folder", "layout": "Kaggle's layout", "ignored": 0},
        "files": 5,
        "bytes": sum(map(len, DATASET.values())),
        "metadata": {name: hashlib.sha256(DATASET[name]).hexdigest() for name in DATASET if "Meta" in name},
    }
    assert b"\r" not in (raw / "manifest.csv").read_bytes() + (raw / "source.json").read_bytes()


def test_soundfont_is_rendered_last_and_with_the_data_seed(raw, monkeypatch):
    called = []

    def list_clips(soundfont, instruments, folder):
        (folder / "Metadata_Train.csv").write_text("FileName,Class\n")
        return {"font": "f"}

    module = SimpleNamespace(list_clips=list_clips, render_clips=lambda *args: called.extend(args))
    monkeypatch.setitem(sys.modules, "timbre.sources.soundfont", module)
    wanted = params("soundfont")
    assert fetch(wanted, raw) == "1 files, 15.0B, from soundfont"
    assert called == [wanted.soundfont, wanted.instruments, wanted.data.seed, raw, wanted.compute]
    assert json.loads((raw / "source.json").read_text())["soundfont"] == {"font": "f"}

    called.clear()
    with pytest.raises(DataError, match="nowhere does not exist"):
        fetch(params(["soundfont", "folder"], "nowhere"), raw)
    assert not called


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the real sample ../shared/kaggle-sample is not here")
def test_the_real_sample_is_copied_completely(raw):
    copy_dataset(SAMPLE.resolve(), INSTRUMENTS, raw)
    assert len(list((raw / TRAIN).iterdir())) == len(list((SAMPLE / TRAIN).iterdir()))
    assert (raw / "Metadata_Train.csv").read_bytes() == (SAMPLE / "Metadata_Train.csv").read_bytes()


def test_kaggles_folders_can_be_single(tmp_path, raw):
    flat = {
        name.replace(TRAIN, "Train_submission/").replace(TEST, "Test_submission/"): data
        for name, data in DATASET.items()
    }
    copy_dataset(write_folder(tmp_path / "mine", flat), INSTRUMENTS, raw)
    assert held(raw) == flat


def test_the_users_files_do_not_change_and_the_copies_are_writable(tmp_path, raw):
    origin = write_folder(tmp_path / "mine")
    for path in origin.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = {path: path.stat() for path in origin.rglob("*")}
    copy_dataset(origin, INSTRUMENTS, raw)
    after = {path: path.stat() for path in origin.rglob("*")}
    for path, was in before.items():
        now = after[path]
        assert (now.st_mode, now.st_mtime_ns, now.st_nlink) == (was.st_mode, was.st_mtime_ns, was.st_nlink)
        assert (raw / path.relative_to(origin)).stat().st_mode & stat.S_IWUSR
        assert (raw / path.relative_to(origin)).stat().st_ino != was.st_ino


@pytest.mark.parametrize("root", ["repository", "elsewhere"])
def test_a_relative_folder_starts_at_the_repositorys_root(tmp_path, raw, monkeypatch, root):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / root))
    write_folder(tmp_path / root / "mine")
    copy_dataset(Path("mine"), INSTRUMENTS, raw)
    assert held(raw) == DATASET


def test_a_tilde_means_the_users_home(tmp_path, raw, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_folder(tmp_path / "mine")
    copy_dataset(Path("~/mine"), INSTRUMENTS, raw)
    assert held(raw) == DATASET


def test_a_missing_path_and_a_folder_without_a_data_set_are_one_line(tmp_path, refusal):
    assert "nowhere does not exist" in refusal(tmp_path / "nowhere")
    write_folder(tmp_path / "empty", {".gitkeep": b""})
    assert "empty is an empty folder; put recordings into it, or name another" in refusal(tmp_path / "empty")
    assert "~nobody-knows" in refusal(Path("~nobody-knows/x"))
    for gone in ("Metadata_Test.csv", "Test_submission"):
        rest = {name: data for name, data in DATASET.items() if not name.startswith(gone)}
        assert f"has no {gone}" in refusal(write_folder(tmp_path / gone, rest))
        assert f"has no top/{gone}" in refusal(write_zip(tmp_path / f"{gone}.zip", rest, prefix="top/"))
    write_folder(tmp_path / "two" / "b")
    write_folder(tmp_path / "two" / "a")
    assert "has several data sets (a/, b/)" in refusal(tmp_path / "two")
    (tmp_path / "table.csv").write_bytes(b"FileName,Class\n")
    assert "table.csv: not a zip" in refusal(tmp_path / "table.csv")


@pytest.mark.parametrize("origin", ["data/raw", "data/raw/sub", "data", "link"])
def test_an_output_folder_is_refused_even_before_dvc_has_emptied_it(tmp_path, refusal, monkeypatch, origin):
    repository = tmp_path / "repository"
    monkeypatch.chdir(repository)
    assert "is in data/raw" in refusal(Path("data/raw"))
    write_folder(repository / "data/raw" / ("sub" if "sub" in origin else ""))
    (repository / "link").symlink_to(repository / "data/raw")
    assert "is in data/raw" in refusal(Path(origin))


def test_links_that_lead_outside_are_refused_and_others_are_followed(tmp_path, raw, refusal):
    origin = write_folder(tmp_path / "mine")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (origin / "Train_submission/link.wav").symlink_to(origin / TRAIN / "a.wav")
    copy_dataset(origin, INSTRUMENTS, raw)
    assert held(raw)["Train_submission/link.wav"] == DATASET[TRAIN + "a.wav"]
    assert not (raw / "Train_submission/link.wav").is_symlink()
    shutil.rmtree(raw)
    raw.mkdir()
    for link, target in {
        TRAIN + "out.wav": tmp_path / "secret.wav",
        TRAIN + "relative.wav": Path("../../../secret.wav"),
        "Test_submission/out": tmp_path,
    }.items():
        (origin / link).symlink_to(target)
        assert f"{origin / link}: a link that leads outside the data set" in refusal(origin)
        (origin / link).unlink()
        shutil.rmtree(raw)
        raw.mkdir()
    shutil.move(origin / "Train_submission", tmp_path / "big disk")
    (origin / "Train_submission").symlink_to(tmp_path / "big disk")
    assert "Train_submission: a link that leads outside" in refusal(origin)


@pytest.mark.parametrize(
    ("kind", "target", "reason"),
    [
        ("dangling", "gone.wav", "gone.wav, which does not exist; fetch it"),
        ("loop", "odd.wav", "odd.wav, which does not exist; fetch it"),
        ("folder", "../../Test_submission", "not a plain file"),
        ("pipe", None, "not a plain file"),
    ],
)
def test_a_file_that_is_not_plain_is_refused(tmp_path, refusal, kind, target, reason):
    origin = write_folder(tmp_path / "mine")
    path = origin / TRAIN / "odd.wav"
    if target:
        path.symlink_to(target)
    elif hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        pytest.skip("this system has no named pipes")
    assert "odd.wav: " in (error := refusal(origin)) and reason in error


@pytest.mark.parametrize(
    "store",
    [".dvc/cache/files/md5/d8/e8fca2dc0f896fd7cb4cb0031ba249", ".git/annex/objects/Xq/9k/SHA256E-s4/SHA256E-s4"],
)
def test_links_of_dvc_and_git_annex_are_read(tmp_path, raw, refusal, store):
    origin = write_folder(tmp_path / "repository/mine")
    stored = tmp_path / "repository" / store
    stored.parent.mkdir(parents=True)
    shutil.move(origin / TRAIN / "a.wav", stored)
    (origin / TRAIN / "a.wav").symlink_to(os.path.relpath(stored, origin / TRAIN))
    copy_dataset(origin, INSTRUMENTS, raw)
    assert held(raw) == DATASET and not (raw / TRAIN / "a.wav").is_symlink()
    stored.unlink()
    shutil.rmtree(raw)
    raw.mkdir()
    assert "which does not exist; fetch it (dvc checkout, git annex get)" in refusal(origin)


def test_a_folder_of_an_instrument_that_is_a_link_out_of_the_data_set_is_named(tmp_path, refusal):
    write_folder(tmp_path / "big disk/guitar", {"a.wav": b""})
    write_folder(tmp_path / "mine/archive/piano", {"a.wav": b""})
    (tmp_path / "mine/archive/guitar").symlink_to(tmp_path / "big disk/guitar")
    assert f"{tmp_path / 'mine/archive/guitar'}: a link that leads outside the data set" in refusal(tmp_path / "mine")


@pytest.mark.parametrize(("folder", "matters"), [("lost+found", False), (TRAIN.rstrip("/"), True), ("", True)])
def test_only_unreadable_folders_of_the_data_set_matter(tmp_path, raw, monkeypatch, folder, matters):
    origin = write_folder(tmp_path / "mine", DATASET | {"lost+found/x": b""})
    scandir = os.scandir

    def refuse(path):
        if Path(path) == origin / folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    if matters:
        with pytest.raises(PermissionError):
            copy_dataset(origin, INSTRUMENTS, raw)
    else:
        copy_dataset(origin, INSTRUMENTS, raw)
        assert held(raw) == DATASET


def test_a_name_that_is_not_utf_8_is_refused(tmp_path, refusal):
    origin = write_folder(tmp_path / "mine")
    try:
        Path(os.fsdecode(os.fsencode(origin / TRAIN) + b"\xff.wav")).write_bytes(b"")
    except OSError:
        pytest.skip("this disk allows only UTF-8 names")
    assert r"\udcff.wav' is not in UTF-8" in refusal(origin)


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def nul(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.filename = name
    return entry


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("../up.wav", "leads outside"),
        (TRAIN + "../../../up.wav", "leads outside"),
        ("/etc/x.wav", "is an absolute path"),
        ("C:/x.wav", "names a drive"),
        (TRAIN + "..\\..\\..\\x.wav", "has a backslash"),
        (nul(TRAIN + "x\0.wav"), "has a NUL"),
        (link(TRAIN + "x.wav"), "is a link"),
    ],
    ids=["up", "up inside", "absolute", "drive", "backslash", "nul", "link"],
)
def test_an_unsafe_entry_of_a_zip_is_refused(tmp_path, raw, refusal, entry, fault):
    reason = refusal(write_zip(tmp_path / "archive.zip", DATASET | {entry: b"../../up.wav"}))
    assert f"archive.zip: entry {getattr(entry, 'filename', entry)!r} {fault}" in reason
    assert held(raw) == {}


def test_an_entry_that_is_in_a_zip_twice_is_refused(tmp_path, refusal):
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = io.BytesIO(zip_bytes())
        with zipfile.ZipFile(data, "a") as archive:
            archive.writestr(TRAIN + "a.wav", b"other")
    (tmp_path / "archive.zip").write_bytes(data.getvalue())
    assert f"entry '{TRAIN}a.wav' is in it twice" in refusal(tmp_path / "archive.zip")


def test_names_of_kaggles_layout_that_the_disk_takes_for_the_same_are_refused(tmp_path, raw, refusal):
    fault = "the disk takes this name and another one for the same"
    origin = write_zip(tmp_path / "archive.zip", DATASET | {TRAIN + "a.wav/b.wav": b""})
    assert f"a.wav/b.wav: {fault}" in refusal(origin)
    shutil.rmtree(raw)
    write_folder(raw, {TRAIN + "a.wav": b"A.wav, where upper and lower case are one"})
    assert f"a.wav: {fault}" in refusal(write_folder(tmp_path / "mine"))


def test_kaggles_layout_cannot_be_combined_with_another_source(tmp_path, raw, refusal):
    write_folder(raw, {"Metadata_Train.csv": b"of another source"})
    assert "is in Kaggle's layout, which cannot be combined with other" in refusal(write_folder(tmp_path / "mine"))


def patched(data: bytes, local: int, central: int, value: bytes) -> bytes:
    """Return the zip with some bytes replaced in both headers of each entry, at the given offsets."""
    changed = bytearray(data)
    for signature, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            changed[at + offset : at + offset + len(value)] = value
    return bytes(changed)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda data: data[: len(data) // 2], "not a zip, or a damaged one (File is not a zip file)"),
        (lambda data: data[100:], "is outside the zip file"),
        (lambda data: patched(data, 14, 16, b"\1\2\3\4"), "damaged in the zip (Bad CRC-32"),
        (lambda data: patched(data, 6, 8, b"\1\0"), "needs a password"),
        (lambda data: patched(data, 8, 10, b"\x09\0"), "uses compression 9"),
        (lambda data: patched(data, 22, 24, b"\xff\xff\xff\x7f"), "would unpack to 10.7GB"),
    ],
    ids=["half", "no start", "checksum", "password", "compression", "bomb"],
)
def test_a_zip_that_cannot_be_unpacked_is_refused(tmp_path, refusal, spoil, fault):
    (tmp_path / "archive.zip").write_bytes(spoil(zip_bytes()))
    assert fault in refusal(tmp_path / "archive.zip")


def test_a_disk_that_is_too_small_is_noticed_before_copying(tmp_path, raw, refusal, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4000))
    assert "the copy needs 4.11kB, but 4.00kB are free" in refusal(write_zip(tmp_path / "archive.zip"))
    assert held(raw) == {}


@pytest.mark.parametrize(
    ("stored", "name"),
    [("gezupft \u00e4.wav".encode(), "gezupft \u00e4.wav"), (b"gezupft \x84.wav", "gezupft \u00e4.wav")],
    ids=["utf-8 without its flag", "code page 437"],
)
def test_names_in_old_zips_are_decoded(tmp_path, raw, stored, name):
    placeholder = b"?" * len(stored)
    data = zip_bytes(DATASET | {TRAIN + placeholder.decode(): b"x"}).replace(placeholder, stored)
    (tmp_path / "archive.zip").write_bytes(data)
    copy_dataset(tmp_path / "archive.zip", INSTRUMENTS, raw)
    assert held(raw) == DATASET | {TRAIN + name: b"x"}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6), st.data())
def test_a_zip_with_any_bytes_changed_is_copied_or_refused(tmp_path_factory, changes, data):
    """Either the contents are right, under some names, or there is a DataError: no traceback, no stray file."""
    content = bytearray(zip_bytes())
    for index, value in changes:
        content[index % len(content)] = value
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "archive.zip").write_bytes(content[: data.draw(st.sampled_from([None, -1, -30]))])
    (folder / "raw").mkdir()
    try:
        copy_dataset(folder / "archive.zip", INSTRUMENTS, folder / "raw")
    except DataError:
        pass
    else:
        assert set(held(folder / "raw").values()) <= set(DATASET.values())
    assert sorted(path.name for path in folder.iterdir()) == ["archive.zip", "raw"]
    shutil.rmtree(folder)
