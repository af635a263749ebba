"""The server of the page: whom it answers, what it answers, and what a browser makes of it."""

import json
import threading
import time
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import soundfile
import uvicorn
from chromium import opened
from helpers import tone

from timbre.core.errors import DataError
from timbre.page.serve import _bound, make_app, serve
from timbre.page.write import page_text
from timbre.songs.predictor import Predictor


@contextmanager
def served(page, models, uploads):
    """A server's address, which takes in half a megabyte."""
    uploads.mkdir()
    app = make_app(page, Predictor(models), uploads, largest=500_000)
    with _bound(0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(models, tmp_path):
    with served(b"a page", models, tmp_path / "uploads") as address:
        yield address


def asked(url, data=None, **headers):
    """Status and text of an answer."""
    request = Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urlopen(request) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_song_is_heard_as_predict_hears_it(address, models, tmp_path):
    soundfile.write(tmp_path / "song.aiff", tone(440, 3, 16000), 16000)
    song = Predictor(models).listen(tmp_path / "song.aiff", hop=0.25)
    content = (tmp_path / "song.aiff").read_bytes()
    status, text = asked(f"{address}/api/listen?hop=0.25&name=b%20%C3%A9.aiff", content)
    answer = json.loads(text)
    assert (status, answer["file"], answer["layered"]) == (200, "b é.aiff", song.layered)
    assert answer["timeline"]["guitar"] == [round(float(value), 3) for value in song.timeline[:, 0]]
    assert not list((tmp_path / "uploads").iterdir())


def test_what_it_cannot_hear_it_says_in_a_line(address):
    for query, content, status, said in (
        ("", b"text", 422, "cannot be read as audio (invalid data found when processing input)"),
        ("", b"", 422, "is empty"),
        ("?hop=x", b"text", 422, "hop: must be a number of seconds, got x"),
        ("", bytes(600_000), 413, "is larger than 500000 bytes"),
    ):
        assert asked(f"{address}/api/listen{query}", content) == (
            status,
            json.dumps({"file": "upload", "error": said}) + "\n",
        )


def test_other_pages_and_hosts_are_refused(address):
    assert asked(f"{address}/")[0] == 200
    assert asked(f"{address}/", Host="timbre.example")[0] == 400
    assert asked(f"{address}/api/listen", b"text", Origin="http://timbre.example")[0] == 403
    assert asked(f"{address}/api/listen", b"text", Origin="null")[0] == 403
    assert asked(f"{address}/api/listen", b"text", Origin=address)[0] == 422
    assert asked(f"{address}/../../etc/passwd")[0] == 404


def test_a_browser_lets_the_server_hear_what_it_cannot_decode(models, tmp_path):
    page = page_text(Predictor(models), models, is_served=True).encode()
    sound = tone(440, 3, 16000) * np.linspace(0, 1, 48000, dtype=np.float32)
    for name in ("song.aiff", "song.wav"):
        soundfile.write(tmp_path / name, sound, 16000)
    (tmp_path / "text.mp3").write_text("no sound")
    with (
        served(page, models, tmp_path / "uploads") as address,
        opened(address, tmp_path / "profile") as browser,
    ):
        browser.wait("!document.getElementById('files').disabled")
        browser.choose("#files", [tmp_path / name for name in ("song.aiff", "song.wav", "text.mp3")])
        browser.wait("songs.length && songs.every((song) => song.answer || song.error)")
        theirs, own = browser.evaluate("songs.slice(0, 2).map((song) => ({ ...song.answer, spectrogram: null }))")
        assert "cannot be read as audio" in browser.evaluate("songs[2].error")
        assert set(browser.requests[1:]) >= {f"{address}/api/listen?picture=1&hop=0.1&name=song.aiff"}
        assert all(url.startswith((address, "blob:")) for url in browser.requests)
    for name, value in own["layered"].items():
        assert theirs["layered"][name] == pytest.approx(value, abs=0.01)
    assert (theirs["words"], theirs["seconds"]) == (own["words"], own["seconds"])


def test_a_port_that_is_taken_is_named(models):
    with _bound(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DataError, match=rf"^port {port}: cannot be used"):
            serve(models, port, opens_browser=False)
