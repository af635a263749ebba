"""Downloads from Kaggle: the real client against a local server that fails as real servers do."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
import yaml
from helpers import INSTRUMENTS
from kaggle_server import API, Step, kaggle

from timbre.core.errors import DataError
from timbre.core.params import Kaggle
from timbre.sources import kaggle as module
from timbre.sources.kaggle import download_dataset

PINNED = Kaggle(handle="somebody/instruments", version=3)
BY_HAND = "dvc exp run -S data.source=folder -S data.folder=archive.zip"
ROOT = Path(__file__).parents[1]


@cache
def recordings() -> dict[str, bytes]:
    noise = os.urandom(3 << 20)
    return {
        "Metadata_Train.csv": b"FileName,Class\r\na.wav,Sound_Piano\r\n",
        "Metadata_Test.csv": b"FileName,Class\r\nb.wav,Sound_Drum\r\n",
        "Train_submission/Train_submission/a.wav": noise,
        "Test_submission/Test_submission/gezupft \u00fc.wav": noise[:1000],
    }


def zipped(extra: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (recordings() | (extra or {})).items():
            archive.writestr(name, data)
    return buffer.getvalue()


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Make an empty home, cache and target folder, remove all credentials, and let retries not wait."""
    for name in list(os.environ):
        if name.startswith(("KAGGLE", "COLAB", "TBE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("home", "raw"):
        (tmp_path / name).mkdir()
    for name in ("HOME", "USERPROFILE", "KAGGLE_CONFIG_DIR", "KAGGLEHUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setattr(module, "FIRST_DELAY", 0.001)
    # The client names the libraries that call it. The search takes most of the time, because pytest's stack is deep.
    monkeypatch.setattr("kagglehub.clients.search_lib_in_call_stack", lambda _: None)


@pytest.fixture
def download(tmp_path, monkeypatch):
    """Return a function that downloads from a server with the given `steps` and returns the server's log."""

    def run(archive: bytes, *steps: Step, forever: bool = False):
        with kaggle(archive, *steps, forever=forever) as server:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
            server.result = None
            try:
                server.result = download_dataset(PINNED, INSTRUMENTS, tmp_path / "raw")
            except DataError as error:
                server.result = str(error)
                assert "\n" not in server.result
                assert {path.name for path in tmp_path.rglob("*")} == {"raw", "home"}
            assert list((tmp_path / "home").iterdir()) == []
            assert os.environ["KAGGLEHUB_CACHE"] == str(tmp_path / "home")
            return server

    return run


def test_a_pinned_version_arrives_complete_and_leaves_no_other_files(download, tmp_path, capfd):
    server = download(zipped({"notes.txt": b"", "Train_submission/.DS_Store": b""}))
    assert held(tmp_path / "raw") == recordings()
    assert server.result == {"handle": PINNED.handle, "version": 3, "ignored": 2}
    assert [call["path"] for call in server.asked] == [f"http://localhost{API}"]
    assert {"ownerSlug": "somebody", "datasetSlug": "instruments", "datasetVersionNumber": 3}.items() <= (
        server.asked[0].items()
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "raw"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("variables", "login"),
    [
        ({}, None),
        ({"KAGGLE_API_TOKEN": "secret"}, "Bearer secret"),
        ({"KAGGLE_USERNAME": "me", "KAGGLE_KEY": "key"}, "Basic bWU6a2V5"),
    ],
)
def test_credentials_come_from_the_environment(download, monkeypatch, variables, login):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert download(zipped()).logins == [login]


def test_credentials_that_cannot_be_read_are_named(download, tmp_path, monkeypatch):
    (tmp_path / "kaggle.json").write_text("no json")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    with pytest.raises(DataError, match=r"Invalid Kaggle credentials file at .*kaggle\.json"):
        download_dataset(PINNED, INSTRUMENTS, tmp_path / "raw")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "Kaggle has no somebody/instruments version 3 (404); correct data.kaggle"),
        (403, "Kaggle refuses somebody/instruments version 3 (403); check data.kaggle.handle"),
        (401, "KAGGLE_API_TOKEN"),
        (400, "Kaggle answers 400 (Bad Request)"),
    ],
)
def test_a_permanent_error_is_not_retried(download, status, words):
    server = download(zipped(), Step(status), forever=True)
    assert words in server.result
    assert BY_HAND in server.result
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_retried(download, tmp_path, capfd, status):
    server = download(zipped(), Step(status), Step(status))
    assert held(tmp_path / "raw") == recordings()
    assert len(server.asked) == 3
    lines = capfd.readouterr().err.splitlines()
    assert [line.split("; ")[1] for line in lines] == ["retry 1 of 4 in 0.001 s", "retry 2 of 4 in 0.002 s"]
    assert all(f"Kaggle answers {status}" in line for line in lines)


def test_retries_end_if_the_server_stays_down(download):
    server = download(zipped(), Step(503), forever=True)
    assert "Kaggle answers 503 (Service Unavailable), 5 times in a row; run again later" in server.result
    assert BY_HAND in server.result
    assert len(server.asked) == 5


def test_the_server_decides_how_long_to_wait(download, tmp_path):
    server = download(zipped(), Step(429, retry_after="1"))
    assert held(tmp_path / "raw") == recordings()
    assert server.times[1] - server.times[0] >= 1.0


def test_a_wait_of_hours_is_an_error(download):
    server = download(zipped(), Step(429, retry_after="7200"), forever=True)
    assert "Kaggle answers 429" in server.result
    assert len(server.asked) == 1


def test_a_broken_download_is_resumed(download, tmp_path, capfd):
    server = download(zipped(), Step(cut=1_500_000), Step(cut=2_500_000))
    assert held(tmp_path / "raw") == recordings()
    assert server.ranges == [f"bytes={1 << 20}-", f"bytes={2 << 20}-"]
    assert capfd.readouterr().err.count("the connection to Kaggle was lost") == 2


def test_a_download_with_many_breaks_and_progress_in_between_succeeds(download, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RETRIES", 1)
    download(zipped(), Step(cut=1_100_000), Step(cut=2_200_000), Step(cut=3_146_000))
    assert held(tmp_path / "raw") == recordings()


def test_retries_end_without_progress(download):
    server = download(zipped(), Step(cut=1_500_000), forever=True)
    assert "the connection to Kaggle was lost" in server.result
    assert len(server.asked) == 5


def test_a_stalled_connection_counts_as_lost(download, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.2))
    server = download(zipped(), Step(cut=1_500_000, stall=True))
    assert held(tmp_path / "raw") == recordings()
    assert server.times[1] - server.times[0] < 5
    assert server.ranges == [f"bytes={1 << 20}-"]


@pytest.mark.parametrize("checksum", [True, False])
def test_a_zip_damaged_by_an_error_page_is_downloaded_again(download, tmp_path, capfd, checksum):
    """The server answers a range request with an error page, and the client appends the page to its file."""
    download(zipped(), Step(cut=1_500_000), Step(page=b"busy", checksum=checksum))
    assert held(tmp_path / "raw") == recordings()
    lost, damaged = capfd.readouterr().err.splitlines()
    assert "the connection to Kaggle was lost" in lost
    assert "the zip from Kaggle arrived damaged" in damaged


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"<html>" * 1000, lambda data: data[:-30], lambda data: data[:2000] + b"?" + data[2001:]],
    ids=["not a zip", "cut short", "bad checksum"],
)
def test_a_damaged_zip_is_downloaded_once_more_and_refused(download, damage):
    server = download(damage(zipped()))
    assert "the zip from Kaggle arrived damaged" in server.result
    assert BY_HAND in server.result
    assert len(server.asked) == 2


def test_no_network_is_an_error_without_retries(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(DataError, match=r"Kaggle cannot be reached \(.+\); check network"):
        download_dataset(PINNED, INSTRUMENTS, tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_hostile_names_stay_in_the_target_folder(download, tmp_path):
    hostile = {"../../up.wav": b"1", "/abs.wav": b"2", "Train_submission/../../side.wav": b"3", "C:\\x.wav": b"4"}
    download(zipped(hostile))
    assert held(tmp_path / "raw") == recordings() | {"Train_submission/side.wav": b"3"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "raw"]


def test_links_in_a_tar_are_skipped(download, tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in recordings().items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("Train_submission/Train_submission/link.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "a.wav"
        archive.addfile(link)
    download(buffer.getvalue())
    assert held(tmp_path / "raw") == recordings()


def test_a_folder_mounted_by_a_notebook_is_copied(tmp_path, monkeypatch):
    """In Kaggle's and Colab's notebooks the client downloads nothing and returns a read-only folder."""
    for name, data in recordings().items():
        path = tmp_path / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    monkeypatch.setattr("kagglehub.dataset_download", lambda handle: str(tmp_path / "mounted"))
    download_dataset(PINNED, INSTRUMENTS, tmp_path / "raw")
    assert held(tmp_path / "raw") == held(tmp_path / "mounted") == recordings()


def test_a_zip_without_a_data_set_is_refused(download):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cats.csv", "")
    assert "somebody/instruments version 3: has no Metadata_Train.csv" in download(buffer.getvalue()).result


@pytest.mark.parametrize("limit", [1 << 20, (3 << 20) - 1], ids=["download", "unpacking"])
def test_a_full_disk_gives_a_one_line_error(download, limit):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix thing")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        server = download(zipped())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert server.result.startswith("no space left for the download; free some")
    assert len(server.asked) == 1


STAGE = """
from pathlib import Path
from timbre.core.files import fresh_folder
from timbre.core.stage import run_stage
from timbre.sources.fetch import fetch
from timbre.sources import kaggle
kaggle.FIRST_DELAY = 0.001
def download(params):
    with fresh_folder("data/raw") as folder:
        return fetch(params, folder)
run_stage("download", download)
"""


@pytest.fixture
def stage(tmp_path):
    """Return a function that starts the download stage in an empty repository with Kaggle as the source."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"] |= {"source": "kaggle", "kaggle": PINNED.model_dump()}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    def start(server, **options) -> subprocess.Popen:
        environment = os.environ | {"http_proxy": f"http://127.0.0.1:{server.port}"}
        command = [sys.executable, "-c", STAGE]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen(command, cwd=tmp_path, env=environment, **options)

    return start


def test_a_stage_that_fails_leaves_nothing_and_the_next_run_works(stage, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "secret")  # with credentials, the client advertises newer versions
    with kaggle(zipped(), *[Step(503)] * 5) as server:
        failed = stage(server)
        out, err = failed.communicate(timeout=20)
        assert failed.returncode == 1
        assert out == ""
        assert len(err.splitlines()) == 5
        assert err.splitlines()[-1].startswith("download: Kaggle answers 503")
        assert list((tmp_path / "data").iterdir()) == []
        works = stage(server)
        out, err = works.communicate(timeout=20)
    assert (works.returncode, err) == (0, "")
    assert out.startswith("download: 4 files, 3.15MB, from kaggle in ")
    assert recordings().items() <= held(tmp_path / "data/raw").items()
    assert sorted(set(held(tmp_path / "data/raw")) - set(recordings())) == ["manifest.csv", "source.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and a pseudo-terminal")
def test_progress_shows_on_a_terminal_and_an_interrupted_stage_leaves_nothing(stage, tmp_path):
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with kaggle(zipped(), Step(cut=1_500_000, stall=True)) as server:
        process = stage(server, stderr=theirs)
        os.close(theirs)
        seen = ""
        while "0.00/3.00M" not in seen:
            seen += os.read(ours, 4096).decode()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(OSError):
            while True:
                seen += os.read(ours, 4096).decode()
        assert process.wait(timeout=10) == 130
        process.stdout.close()
    os.close(ours)
    assert "download: interrupted" in seen
    assert list((tmp_path / "data").iterdir()) == []
