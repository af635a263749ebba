"""The server of the page: which requests it answers, how it answers, and what the page does with it."""

import json
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import psutil
import pytest
import soundfile
from chromium import opened
from encode import encode
from helpers import tone
from server import running

from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.page.api import Api
from timbre.page.serve import bind, serve
from timbre.page.write import page_text
from timbre.songs.predictor import Predictor

DONE = "songs.length && songs.every((song) => song.result || song.error)"


def served(page, predictor, uploads, max_bytes=500_000):
    """Run a server as a context, which gives its address."""
    return running(Api(page, predictor, uploads, max_bytes))


@pytest.fixture(scope="module")
def predictor():
    return Predictor(RELEASED)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def address(predictor, uploads):
    with served(page_text(predictor, RELEASED, is_served=True), predictor, uploads) as address:
        yield address


@pytest.fixture(scope="module")
def browser(address, tmp_path_factory):
    with opened(address, tmp_path_factory.mktemp("profile")) as browser:
        browser.wait("!byId('files').disabled")
        yield browser


def request(url, data=None, **headers):
    """Send a request and return the status and the text of the response."""
    message = Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urlopen(message) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_song_gets_the_same_prediction_as_in_python(address, predictor, uploads, tmp_path):
    soundfile.write(tmp_path / "song.aiff", tone(440, 3, 16000), 16000)
    song = predictor.listen(tmp_path / "song.aiff", hop=0.25)
    content = (tmp_path / "song.aiff").read_bytes()
    status, text = request(f"{address}/api/listen?hop=0.25&name=b%20%C3%A9.aiff", content)
    result = json.loads(text)
    assert (status, result["file"], result["layered"]) == (200, "b é.aiff", song.layered)
    assert result["timeline"]["guitar"] == [round(float(value), 3) for value in song.timeline[:, 0]]
    assert not list(uploads.iterdir())


def test_errors_are_one_line_with_the_reason(address):
    for query, content, status, reason in (
        ("", b"text", 422, "cannot be read as audio (invalid data found when processing input)"),
        ("", b"", 422, "is empty"),
        ("?hop=x", b"text", 422, "hop: must be a number of seconds, got x"),
        ("", bytes(600_000), 413, "is larger than 500000 bytes"),
    ):
        assert request(f"{address}/api/listen{query}", content) == (
            status,
            json.dumps({"file": "upload", "error": reason}) + "\n",
        )


def test_requests_of_other_pages_and_hosts_are_refused(address):
    assert request(f"{address}/")[0] == 200
    assert request(f"{address}/", Host="timbre.example")[0] == 400
    assert request(f"{address}/api/listen", b"text", Origin="http://timbre.example")[0] == 403
    assert request(f"{address}/api/listen", b"text", Origin="null")[0] == 403
    assert request(f"{address}/api/listen", b"text", Origin=address)[0] == 422
    assert request(f"{address}/../../etc/passwd")[0] == 404


def test_the_page_asks_the_server_for_what_the_browser_cannot_decode(address, browser, tmp_path):
    sound = tone(440, 3, 16000) * np.linspace(0, 1, 48000, dtype=np.float32)
    files = [tmp_path / name for name in ("song.aiff", "song.wav", "text.mp3")]
    soundfile.write(files[0], sound, 16000)
    soundfile.write(files[1], sound, 16000)
    files[2].write_text("no sound")
    browser.choose("#files", files)
    browser.wait(DONE)
    by_server, by_page = browser.evaluate("songs.slice(0, 2).map(({ result }) => ({ ...result, spectrogram: 0 }))")
    assert "cannot be read as audio" in browser.evaluate("songs[2].error")
    assert set(browser.requests[1:]) >= {f"{address}/api/listen?picture=1&hop=0.1&name=song.aiff"}
    assert all(url.startswith((address, "blob:")) for url in browser.requests)
    for name, value in by_page["layered"].items():
        assert by_server["layered"][name] == pytest.approx(value, abs=0.01)
    assert (by_server["words"], by_server["seconds"]) == (by_page["words"], by_page["seconds"])


def test_the_page_asks_the_server_for_what_the_browser_decodes_only_partly(browser, predictor, tmp_path):
    """Chromium stops at the first damaged frame of AAC and reads only the first track. FFmpeg reads all."""
    sound = tone(440, 10, 44100) * np.linspace(0, 1, 441_000, dtype=np.float32)
    damaged = encode(tmp_path / "damaged.aac", sound, rate=44100)
    data = damaged.read_bytes()
    damaged.write_bytes(data[: len(data) // 2] + bytes(1000) + data[len(data) // 2 + 1000 :])
    tracks = encode(tmp_path / "tracks.m4a", np.zeros_like(sound), sound, rate=44100)
    cut = encode(tmp_path / "cut.flac", sound, rate=44100)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    browser.evaluate("songs.length = 0, chosen = null, byId('songs').replaceChildren()")
    browser.choose("#files", [damaged, tracks, cut])
    browser.wait(DONE)
    seconds = browser.evaluate("songs.map(({ result, error }) => result ? result.seconds : error)")
    expected = [predictor.listen(path).seconds for path in (damaged, tracks)]
    assert seconds[:2] == pytest.approx(expected)
    assert seconds[2].startswith("is cut off: ")


def test_forms_are_accepted_as_curl_sends_them(address, tmp_path):
    soundfile.write(tmp_path / "song.wav", tone(440, 3, 16000), 16000)
    sent = [
        ["-F", "file=@song.wav"],
        ["-F", "name=value", "-F", "song=@song.wav;filename=other.wav"],
        ["-F", "name=value"],
        ["-F", "file=@song.wav", "-F", "file=@song.wav"] * 3,
        ["--data-binary", "@song.wav"],
        ["-H", "Content-Type: MultiPart/Form-Data; boundary=b", "--data-binary", "--b--"],
    ]
    answers = []
    for options in sent:
        curl = ["curl", "--silent", *options, f"{address}/api/listen"]
        answers.append(json.loads(subprocess.run(curl, cwd=tmp_path, capture_output=True, check=True).stdout))
    assert [answer["file"] for answer in answers] == ["song.wav", "other.wav", *["upload"] * 4]
    assert answers[0]["layered"] == answers[1]["layered"] == answers[4]["layered"]
    assert (
        answers[2]["error"] == answers[5]["error"] == "the form holds no file; send the song as: curl -F file=@song.wav"
    )
    assert answers[3]["error"] == "is larger than 500000 bytes"


def long_song(path, minutes):
    """Write a song that takes many seconds to predict, and return its bytes."""
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * 8000)
    soundfile.write(path, np.tile(noise, minutes), 8000, "PCM_U8")
    return path.read_bytes()


def start_request(address, content, sent=None):
    """Send the first `sent` bytes of a song, or all, and return the connection."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    head = f"POST /api/listen HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content[:sent])
    return connection


def test_a_song_whose_client_left_does_not_delay_the_next(predictor, tmp_path):
    long = long_song(tmp_path / "long.wav", 4)
    soundfile.write(tmp_path / "song.wav", tone(440, 3, 16000), 16000)
    (tmp_path / "uploads").mkdir()
    started = time.monotonic()
    predictor.listen(tmp_path / "long.wav")
    long_seconds = time.monotonic() - started
    with served("a page", predictor, tmp_path / "uploads", max_bytes=10**7) as address:
        connections = [start_request(address, long), start_request(address, long), start_request(address, long, 1000)]
        time.sleep(0.5)
        for connection in connections:
            connection.close()
        started = time.monotonic()
        assert request(f"{address}/api/listen", (tmp_path / "song.wav").read_bytes())[0] == 200
        assert time.monotonic() - started < long_seconds / 2
        assert not list((tmp_path / "uploads").iterdir())


def test_of_twenty_clients_half_may_leave(address, uploads, tmp_path):
    soundfile.write(tmp_path / "song.wav", tone(440, 2, 16000), 16000)
    content = (tmp_path / "song.wav").read_bytes()
    leaving = [start_request(address, content) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda _: request(f"{address}/api/listen", content)[0], range(10))
        for connection in leaving:
            connection.close()
        assert list(answers) == [200] * 10
    assert not list(uploads.iterdir())


def children_seconds():
    """Return the CPU time of all processes that this one started and that have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def test_an_interrupt_stops_the_server_during_a_song_and_an_upload(tmp_path):
    content = long_song(tmp_path / "long.wav", 30)
    command = [sys.executable, "-m", "timbre", "serve", "--port=0", "--no-browser", f"--models={RELEASED}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = process.stdout.readline().split(" ")[0]
    connections = [start_request(address, content), start_request(address, content, 1000)]
    time.sleep(1)
    before = sum(psutil.Process(process.pid).cpu_times()[:2]) + children_seconds()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert children_seconds() - before < 5  # CPU time, which is the same on a busy machine
    assert errors.splitlines()[-1] == "stopping: requests in progress end now …"
    for connection in connections:
        assert b"was not predicted, because the server stops" in connection.recv(1000)
        connection.close()


def test_a_port_in_use_is_named():
    with bind(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DataError, match=rf"^port {port}: cannot be used"):
            serve(RELEASED, port, opens_browser=False)
