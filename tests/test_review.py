"""Reviewing songs: the answers in labels.csv, the server's requests, and the page with keyboard and screen reader."""

import csv
import json
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile
from chromium import opened
from helpers import INSTRUMENTS, save_drawn_models, tone
from server import running
from test_serve import request

from timbre.core.errors import DataError
from timbre.labels.labels_csv import read_labels_csv
from timbre.page.review import ReviewApi, doubt, predict_songs
from timbre.page.write import page_text
from timbre.songs.find import songs_of
from timbre.songs.predictor import Predictor
from timbre.tools.answers import Answers


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_answers_are_saved_one_by_one_and_read_again(tmp_path):
    answers = Answers(tmp_path, INSTRUMENTS)
    assert answers.read() == {}
    answers.save({"a, b.wav": {"piano": "no"}})
    answers.save({"a, b.wav": {"guitar": "yes", "violin": "unknown"}})
    answers.save({"cd 1/é.wav": {"drums": "yes"}})
    answers.save({"a, b.wav": {"piano": "yes"}})
    assert answers.read() == {
        "a, b.wav": {"guitar": "yes", "violin": "unknown", "piano": "yes"},
        "cd 1/é.wav": {"drums": "yes"},
    }
    assert [list(row.values()) for row in rows_of(tmp_path / "labels.csv")] == [
        ["a, b.wav", "guitar;piano", "", "violin"],
        ["cd 1/é.wav", "drums", "", ""],
    ]
    labels = [row.label for row in read_labels_csv(tmp_path / "labels.csv", INSTRUMENTS)]
    assert labels == ["guitar;piano|", "drums|"]
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]  # no backup of what Timbre wrote


def test_other_rows_columns_and_names_stay_and_a_foreign_file_is_copied(tmp_path):
    before = "Path;group;present;absent;note\nA.wav;g1;Guitars;harp;mine\nb.wav;;piano;;\n\n".encode("cp1252")
    (tmp_path / "labels.csv").write_bytes(before)
    answers = Answers(tmp_path, INSTRUMENTS)
    assert answers.read() == {"a.wav": {"guitar": "yes"}, "b.wav": {"piano": "yes"}}
    answers.save({"A.wav": {"drums": "no", "guitar": "unknown"}})
    answers.save({"c.wav": {"drums": "yes"}})
    assert (tmp_path / "labels.csv").read_text() == (
        'Path;group;present;absent;note;unknown\nA.wav;g1;;"harp;drums";mine;guitar\nb.wav;;piano;;;\nc.wav;;drums;;;\n'
    )
    assert (tmp_path / "labels.before-review.csv").read_bytes() == before
    (tmp_path / "labels.csv").write_text("file,instruments\nb.wav,piano\n")
    answers.save({"b.wav": {"piano": "yes"}})
    assert len(list(tmp_path.glob("labels.before-review*.csv"))) == 2


def test_labels_of_one_instrument_stay_and_count_until_there_is_an_answer(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("path,label,source\na.wav,guitar,me\nb.wav,other:harp,you\nc.wav,piano,me\n")
    answers = Answers(tmp_path, INSTRUMENTS)
    assert answers.read()["a.wav"] == {"guitar": "yes", "drums": "no", "violin": "no", "piano": "no"}
    answers.save({"b.wav": {"piano": "yes"}})
    assert [row.label for row in read_labels_csv(path, INSTRUMENTS)] == [
        "guitar",
        "piano|guitar;drums;violin",
        "piano",
    ]
    assert [(row["label"], row["source"]) for row in rows_of(path)][1] == ("other:harp", "you")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("present,absent\npiano,\n", "has no column path; add it"),
        ("path,present,absent\na.wav,piano,piano\n", "a.wav: piano cannot be present and absent"),
        ("path,present,absent\na.wav,guitarr,\n", "did you mean guitar"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_and_stays(tmp_path, content, reason):
    (tmp_path / "labels.csv").write_text(content)
    for action in (lambda answers: answers.read(), lambda answers: answers.save({"a.wav": {"drums": "yes"}})):
        with pytest.raises(DataError, match=reason):
            action(Answers(tmp_path, INSTRUMENTS))
    assert (tmp_path / "labels.csv").read_text() == content


def test_a_crash_while_writing_loses_nothing(tmp_path, monkeypatch):
    answers = Answers(tmp_path, INSTRUMENTS)
    answers.save({"a.wav": {"piano": "no"}})
    before = (tmp_path / "labels.csv").read_bytes()

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("timbre.tools.answers.os.fsync", fail)
    with pytest.raises(DataError, match=r"No space left on device.*the answer was not saved"):
        answers.save({"a.wav": {"piano": "yes"}})
    assert (tmp_path / "labels.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """Return a folder with models that are unsure of violin, and two songs and a file that is none."""
    folder = tmp_path_factory.mktemp("review")
    sure = dict.fromkeys(INSTRUMENTS, (1.0, 0.0)) | {"violin": (0.0, None)}
    save_drawn_models(folder, tiny, INSTRUMENTS, (0.5, 0.0, 0.0, 1.0), sure=sure)
    (folder / "songs").mkdir()
    for name, seconds in (("a.wav", 2), ("b.aiff", 4)):
        sound = tone(440, seconds, 16000) * np.linspace(0.1, 1, seconds * 16000, dtype=np.float32)
        soundfile.write(folder / "songs" / name, sound, 16000)
    (folder / "songs" / "text.mp3").write_text("no sound")
    return folder


@contextmanager
def reviewed(folder, store):
    """Predict the songs of a folder, serve the review, and yield its address."""
    predictor = Predictor(folder)
    songs = predict_songs(songs_of(folder / "songs"), predictor, store)
    page = page_text(predictor, folder, is_served=True, reviewed="songs", asked=INSTRUMENTS)
    api = ReviewApi(page, predictor, store, songs, Answers(folder / "songs", INSTRUMENTS), INSTRUMENTS)
    with running(api) as address:
        yield address


@pytest.fixture(scope="module")
def address(folder, tmp_path_factory):
    with reviewed(folder, tmp_path_factory.mktemp("store")) as address:
        yield address


def test_the_least_certain_song_is_first_and_answered_songs_are_last(folder, tmp_path):
    songs = predict_songs(songs_of(folder / "songs"), Predictor(folder), tmp_path)
    doubts = [doubt(song, {}, INSTRUMENTS) for song in songs]
    assert min(doubts[:2]) > 0 and max(doubts) <= 4 and doubts[2] == 0
    assert doubt(songs[0], dict.fromkeys(INSTRUMENTS[:3], "no"), INSTRUMENTS) < doubts[0]
    assert doubt(songs[0], dict.fromkeys(INSTRUMENTS, "yes"), INSTRUMENTS) == 0


def test_the_server_gives_songs_and_sound_and_takes_answers_of_its_own_page_only(address, folder):
    songs = json.loads(request(f"{address}/api/review")[1])["songs"]
    assert {song["name"] for song in songs} == {"a.wav", "b.aiff", "text.mp3"}
    assert "cannot be read as audio" in songs[2]["error"]
    number = next(index for index, song in enumerate(songs) if song["name"] == "b.aiff")
    whole = json.loads(request(f"{address}/api/review/{number}")[1])
    assert (whole["file"], whole["unsure"], len(whole["timeline"]["drums"])) == ("b.aiff", ["violin"], 40)
    url, answer = f"{address}/api/review/{number}/answers", b'{"drums": "no"}'
    for body, headers, status in (
        (answer, {"Origin": "http://timbre.example"}, 403),
        (b'{"harp": "no"}', {}, 422),
        (b'{"drums": "maybe"}', {}, 422),
        (b"drums", {}, 422),
    ):
        assert request(url, body, **headers)[0] == status
    assert request(f"{address}/api/review/9/answers", answer)[0] == 422
    assert not (folder / "songs/labels.csv").exists()
    assert request(url, answer) == (200, '{"saved": {"drums": "no"}}\n')
    assert rows_of(folder / "songs/labels.csv")[0]["absent"] == "drums"
    (folder / "songs/labels.csv").unlink()


def test_songs_are_reviewed_with_the_keyboard_and_each_answer_is_saved_at_once(address, folder, tmp_path):
    table = folder / "songs/labels.csv"
    with opened(address, tmp_path / "profile") as browser:
        browser.wait("chosen?.result.spectrogram && document.activeElement.dataset.answer")
        first, second = browser.evaluate("songs.slice(0, 2).map(({ name }) => name)")
        status = "byId('status').textContent"
        for keys, answered in (("y", {"guitar": "yes"}), ("n", {"guitar": "yes", "drums": "no"})):
            press(browser, keys)
            browser.wait(f"{status}.includes(', saved.')")
            assert Answers(folder / "songs", INSTRUMENTS).read() == {first: answered}
            browser.evaluate("byId('status').textContent = ''")
        press(browser, "ArrowDown")  # from violin to piano
        press(browser, "d")
        browser.wait(f'{status}.startsWith("piano: don\'t know, saved. Next: violin")')
        assert focus(browser) == "Does violin play?"
        press(browser, "u")
        browser.wait(f"!player.paused && /^violin: 0:0\\d to/.test({status})")
        press(browser, "p")
        browser.wait("player.paused")
        press(browser, "y")
        browser.wait(f"{status}.includes('All questions are answered')")
        assert browser.evaluate("document.activeElement.id") == "next-song"
        press(browser, "PageDown")
        browser.wait(
            f"chosen.name === {second!r} && chosen.result.spectrogram && document.activeElement.dataset.answer"
        )
        browser.wait("player.duration")  # b.aiff is no format of browsers: the server decodes it
        browser.evaluate("document.querySelector('[data-answer=no]').click()")
        browser.wait(f"{status}.includes('guitar: no, saved')")
        assert browser.evaluate("document.querySelector('[data-answer=no]').getAttribute('aria-pressed')") == "true"
        tree = browser.command("Accessibility.getFullAXTree")["nodes"]
        names = {(node["role"]["value"], node.get("name", {}).get("value")) for node in tree if "role" in node}
        assert {("group", "Does violin play?"), ("button", "Don't know"), ("status", "")} <= names
        browser.screenshot(tmp_path / "review.png")
        assert [url for url in browser.requests if not url.startswith((address, "data:", "blob:"))] == []
        assert browser.errors == []
    assert table.read_text() == (f"path,present,absent,unknown\n{first},guitar;violin,drums,piano\n{second},,guitar,\n")
    with reviewed(folder, tmp_path) as again, opened(again, tmp_path / "second") as browser:
        browser.wait("chosen?.result.spectrogram && document.activeElement.dataset.answer")
        assert browser.evaluate("chosen.name") == second
        assert focus(browser) == "Does drums play?"


def press(browser, key):
    for kind in ("keyDown", "keyUp"):
        browser.command("Input.dispatchKeyEvent", type=kind, key=key, code=key)


def focus(browser):
    return browser.evaluate("document.activeElement.closest('[role=group]').getAttribute('aria-label')")
