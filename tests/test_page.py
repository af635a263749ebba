"""The page in a browser: its predictions against Python's, its controls, and that it uses no network."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from chromium import opened
from encode import encode
from helpers import INSTRUMENTS, tone

from timbre.core.errors import AudioError, DataError
from timbre.core.files import RELEASED
from timbre.page.write import write_page
from timbre.songs.find import find
from timbre.songs.predictor import Predictor
from timbre.songs.text import as_labels, timeline_as_csv

READY = "!byId('files').disabled"
DONE = "songs.length && songs.every((song) => song.result || song.error)"
RESULTS = "songs.map(({ result, error }) => result ? { ...result, spectrogram: null } : { error })"
CLEAR = "songs.length = 0, chosen = null, byId('songs').replaceChildren()"
CUT_OFF = re.compile(r"is cut off: ([\d.]+)")
STRANGE = Path(__file__).resolve().parents[2] / "shared" / "strange-files"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write the page with the released models."""
    path = tmp_path_factory.mktemp("page") / "timbre.html"
    write_page(path, RELEASED)
    return path


@pytest.fixture(scope="module")
def open_page(page, tmp_path_factory):
    """Open the page in one browser for all tests."""
    with opened(page, tmp_path_factory.mktemp("profile")) as browser:
        browser.wait(READY)
        yield browser


@pytest.fixture
def browser(open_page):
    """Return the open page without the songs of earlier tests, and check that it used no network."""
    open_page.evaluate(CLEAR)
    yield open_page
    open_page.check_silent_and_offline()


@pytest.fixture(scope="module")
def predictor():
    return Predictor(RELEASED)


def melody(seconds, rate, seed=0):
    """Return plucked notes and noise, which the models take for instruments."""
    random, sound = np.random.default_rng(seed), np.zeros(round(seconds * rate), np.float32)
    for start in np.arange(0, seconds - 0.5, 0.4):
        note = tone(random.uniform(100, 1500), min(1.5, seconds - start), rate)
        note *= np.exp(-np.arange(len(note)) / (0.3 * rate)) * random.uniform(0.2, 1)
        sound[round(start * rate) :][: len(note)] += note[: len(sound) - round(start * rate)]
    return sound / 4 + random.normal(0, 0.002, len(sound)).astype(np.float32)


def results_of(browser, files):
    """Return the page's results for files, in order."""
    browser.choose("#files", files)
    browser.wait(DONE)
    return browser.evaluate(RESULTS)


def check_equal(result, song, tolerance):
    """Check that a result of the page equals Python's."""
    assert "error" not in result, result
    for kind in ("single", "layered"):
        for name, value in getattr(song, kind).items():
            assert result[kind][name] == pytest.approx(value, abs=tolerance), (song.name, kind)
    assert len(result["timeline"]["guitar"]) == len(song.timeline)


def test_the_page_is_one_file_that_needs_no_network(page):
    assert page.stat().st_size < 12e6
    text = page.read_text(encoding="utf-8")
    assert "connect-src 'none'" in text
    assert '"card": "# Released weights' in text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:|//)""", text)


def test_wav_files_give_the_same_predictions_as_in_python(browser, predictor, tmp_path):
    forms = [
        (22050, "PCM_16", 1),
        (44100, "PCM_24", 2),
        (48000, "FLOAT", 2),
        (16000, "PCM_U8", 1),
        (44100, "PCM_32", 1),
    ]
    files = [tmp_path / f"{rate} {subtype}.wav" for rate, subtype, _ in forms]
    for number, (path, (rate, subtype, channels)) in enumerate(zip(files, forms, strict=True)):
        sound = np.stack([melody(7.3 + number, rate, number)] * channels, axis=1)
        sound[:, -1] *= -1 if number == 1 else 0.5  # opposite phase in one file, another level in the others
        soundfile.write(path, sound, rate, subtype)
    for path, result in zip(files, results_of(browser, files), strict=True):
        song = predictor.listen(path, hop=0.1)
        check_equal(result, song, 0.02)  # from 16 kHz, the browser's resampler lets other noise above 8 kHz pass
        for label, name in enumerate(INSTRUMENTS):
            np.testing.assert_allclose(result["timeline"][name], song.timeline[:, label], atol=0.04)
        assert [tuple(section) for section in result["sections"]] == [
            (round(start, 3), round(end, 3), name) for start, end, name in song.sections
        ]
        assert (result["present"], result["words"]) == (song.present, song.words)


def test_other_formats_give_nearly_the_same_predictions(browser, predictor, tmp_path):
    sound, files = melody(9, 44100), [tmp_path / "song.mp3", tmp_path / "song.flac", tmp_path / "song.ogg"]
    for path in files:
        soundfile.write(path, sound, 44100)
    for path, result in zip(files, results_of(browser, files), strict=True):
        check_equal(result, predictor.listen(path, hop=0.1), 0.05)


def test_each_unreadable_file_gets_an_error_and_the_others_a_result(browser, tmp_path):
    contents = {"empty.wav": b"", "text.mp3": b"no sound at all", "cut.wav": None, "silent.wav": None, "good.wav": None}
    files = [tmp_path / name for name in contents]
    for path, content in zip(files, contents.values(), strict=True):
        path.write_bytes(content or b"")
    soundfile.write(files[3], np.zeros(50_000, np.float32), 22050)
    soundfile.write(files[4], melody(5, 22050), 22050)
    files[2].write_bytes(files[4].read_bytes()[:100_000])
    with (huge := tmp_path / "huge.mp3").open("wb") as file:
        file.truncate(2**32)
    results = results_of(browser, [*files, huge])
    errors = [result.get("error") for result in results]
    assert errors == [
        "is empty",
        "cannot be read as audio by this browser; timbre predict reads more formats",
        "is cut off: 2.3 of 5.0 s are there",
        "is silent",
        None,
        "is too long for a browser to decode; convert it to WAV, which can have any length",
    ]


@pytest.mark.skipif(not STRANGE.is_dir(), reason="the strange files of ../shared are not here")
def test_strange_wav_files_give_the_same_predictions_as_in_python(browser, predictor):
    files = sorted(STRANGE.glob("*.wav"))
    for path, result in zip(files, results_of(browser, files), strict=True):
        try:
            check_equal(result, predictor.listen(path, hop=0.1), 0.01)
        except AudioError as error:
            assert str(error).startswith(result["error"].partition(" of ")[0]), path


def damaged_files(folder):
    """Write ten files that are cut off or damaged in the middle, for formats that Chromium decodes."""
    sound = melody(10, 44100)
    cut, fragments = lambda data: data[: len(data) // 2], {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    files = [
        ("song.flac", cut, {}),
        ("song.mp3", cut, {}),
        ("song.opus", cut, {"codec": "libopus", "rate": 48000}),
        ("song.webm", cut, {"codec": "libopus", "rate": 48000}),
        ("song.aac", cut, {}),
        ("end.m4a", cut, {}),
        ("start.m4a", cut, {"movflags": "+faststart"}),
        ("fragments.m4a", cut, {**fragments, "frag_duration": 1_000_000}),
        ("noise.m4a", with_noise, {"movflags": "+faststart"}),
        ("noise.flac", with_noise, {}),
    ]
    for name, damage, options in files:
        path = encode(folder / name, sound, **{"rate": 44100, **options})
        path.write_bytes(damage(path.read_bytes()))
    return [folder / name for name, _, _ in files]


def with_noise(data):
    """Replace a tenth of a file after its middle by noise."""
    middle, count = len(data) // 2, len(data) // 10
    return data[:middle] + np.random.default_rng(0).bytes(count) + data[middle + count :]


def test_damaged_files_get_the_same_errors_as_in_python(browser, predictor, tmp_path):
    files = damaged_files(tmp_path)
    for path, result in zip(files, results_of(browser, files), strict=True):
        with pytest.raises(AudioError, match="is cut off: ") as error:
            predictor.listen(path)
        if path.name == "noise.m4a":  # Chromium stops at the noise; FFmpeg skips it
            assert re.fullmatch(r"is damaged: this browser decodes 4\.\d of 10\.0 s; .*", result["error"])
        else:
            present, expected = (float(CUT_OFF.match(text)[1]) for text in (result["error"], str(error.value)))
            assert present == pytest.approx(expected, rel=0.05), path


def test_a_file_of_several_tracks_gets_a_note(browser, tmp_path):
    sound = melody(4, 44100)
    path = encode(tmp_path / "song.m4a", sound, np.zeros_like(sound), rate=44100)
    silent = encode(tmp_path / "silent.m4a", np.zeros_like(sound), sound, rate=44100)
    _, result = results_of(browser, [path, silent])
    assert result == {"error": "is silent (only the first of 2 audio tracks)"}
    assert "only the first of 2 audio tracks" in browser.evaluate("byId('summary').textContent")


def test_songs_in_dropped_folders_are_found_as_predict_finds_them(browser, tmp_path):
    names = ["b.wav", "a/c.WAV", "a/d/e.wav", "a/notes.txt", ".hidden.wav", ".git/f.wav", "._b.wav"]
    for name in names:
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, melody(1, 16000), 16000, format="WAV")
    (tmp_path / "empty").mkdir()
    soundfile.write(tmp_path / "single.wav", melody(1, 16000), 16000)
    dropped = [str(tmp_path / name) for name in ("album", "empty", "single.wav")]
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": dropped, "dragOperationsMask": 1}
        browser.command("Input.dispatchDragEvent", type=kind, x=50, y=50, data=data)
    browser.wait("songs.length > 3 && " + DONE)
    assert browser.evaluate("songs.map(({ name, error }) => [name, error])") == [
        ["album/b.wav", None],
        ["album/a/c.WAV", None],
        ["album/a/d/e.wav", None],
        ["empty", "holds no audio files"],
        ["single.wav", None],
    ]
    found = [song.name for name in ("album", "empty") for song in find(str(tmp_path / name))]
    assert [str(tmp_path / name) for name in browser.evaluate("songs.map(({ name }) => name)")[:-1]] == found


def test_a_song_can_be_played_searched_and_saved_with_the_keyboard(browser, predictor, tmp_path):
    soundfile.write(tmp_path / "song.wav", melody(12, 22050), 22050)
    song = predictor.listen(tmp_path / "song.wav", hop=0.1)
    browser.choose("#files", [tmp_path / "song.wav"])
    browser.wait("chosen && !player.seeking && player.duration")
    browser.evaluate("document.querySelector('[role=slider]').focus()")
    for key, at in (("ArrowRight", 5), ("ArrowRight", 10), ("Home", 0), ("End", 11.99)):
        for kind in ("keyDown", "keyUp"):
            browser.command("Input.dispatchKeyEvent", type=kind, key=key, code=key)
        browser.wait("!player.seeking")
        assert browser.evaluate("player.currentTime") == pytest.approx(at, abs=0.01)
    playhead = "parseFloat(document.querySelector('.playhead').style.left)"
    assert browser.evaluate(playhead) == pytest.approx(99.9, abs=0.1)
    browser.evaluate("seek(2), player.muted = true, byId('play').click()")
    browser.wait(f"player.currentTime > 2.3 && {playhead} > 100 * 2.2 / 12")
    browser.evaluate("byId('play').click()")
    time = browser.evaluate("document.querySelector('[role=slider]').getAttribute('aria-valuetext')")
    assert time.endswith("0:12")
    saved = {kind: browser.evaluate(f"SAVES.{kind}(chosen.result)") for kind in ("csv", "json", "txt")}
    assert browser.evaluate("SAVES.png(chosen.result).then((picture) => picture.size)") > 10_000
    assert saved["txt"] == as_labels(song)
    expected = [line.partition(",")[2] for line in timeline_as_csv(song).splitlines()]
    rows = [line.partition(",")[2] for line in saved["csv"].splitlines()[1:]]
    numbers = (np.array([row.split(",") for row in lines], float) for lines in (expected, rows))
    np.testing.assert_allclose(*numbers, atol=0.02)
    assert '"present"' in saved["json"]


def test_the_microphone_moves_the_lanes(page, tmp_path):
    sample = tmp_path / "microphone.wav"
    soundfile.write(sample, melody(20, 48000), 48000, "PCM_16")
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sample}",
    )
    with opened(page, tmp_path / "profile", flags=flags) as browser:
        browser.wait(READY)
        browser.evaluate("byId('microphone').click()")
        browser.wait("microphone.updates.length > 8")
        latest = browser.evaluate("microphone.updates.map((update) => update.latest)")
        assert max(map(max, latest)) > 0.2
        browser.evaluate("byId('microphone').click()")
        assert browser.evaluate("microphone.context === null && microphone.stream.getTracks()[0].readyState") == "ended"
        browser.check_silent_and_offline()


def test_a_folder_is_refused_as_the_path_of_the_page(tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path}: is a folder; name the file to write"):
        write_page(tmp_path, RELEASED)
