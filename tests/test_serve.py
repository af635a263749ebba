"""The server of the page: which requests it answers, how it answers, and what the page does with it."""

import json
import threading
import time
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import soundfile
from chromium import opened
from helpers import tone

from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.page.api import Api
from timbre.page.serve import bind, make_server, serve
from timbre.page.write import page_text
from timbre.songs.predictor import Predictor


@contextmanager
def served(page, predictor, uploads):
    """Run a server that accepts half a megabyte, and yield its address."""
    with bind(0) as listening:
        server = make_server(Api(page, predictor, uploads, max_bytes=500_000))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


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


def test_the_page_asks_the_server_for_what_the_browser_cannot_decode(address, tmp_path):
    sound = tone(440, 3, 16000) * np.linspace(0, 1, 48000, dtype=np.float32)
    files = [tmp_path / name for name in ("song.aiff", "song.wav", "text.mp3")]
    soundfile.write(files[0], sound, 16000)
    soundfile.write(files[1], sound, 16000)
    files[2].write_text("no sound")
    with opened(address, tmp_path / "profile") as browser:
        browser.wait("!byId('files').disabled")
        browser.choose("#files", files)
        browser.wait("songs.length && songs.every((song) => song.result || song.error)")
        by_server, by_page = browser.evaluate("songs.slice(0, 2).map(({ result }) => ({ ...result, spectrogram: 0 }))")
        assert "cannot be read as audio" in browser.evaluate("songs[2].error")
        assert set(browser.requests[1:]) >= {f"{address}/api/listen?picture=1&hop=0.1&name=song.aiff"}
        assert all(url.startswith((address, "blob:")) for url in browser.requests)
    for name, value in by_page["layered"].items():
        assert by_server["layered"][name] == pytest.approx(value, abs=0.01)
    assert (by_server["words"], by_server["seconds"]) == (by_page["words"], by_page["seconds"])


def test_a_port_in_use_is_named(models):
    with bind(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DataError, match=rf"^port {port}: cannot be used"):
            serve(models, port, opens_browser=False)
