"""The page that hears songs by itself, in a browser: its answers against Python's, and what it asks of a network."""

import re
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from chromium import opened
from helpers import INSTRUMENTS, tone

from timbre.core.errors import AudioError, DataError
from timbre.core.files import RELEASED
from timbre.page.write import write_page
from timbre.songs.predictor import Predictor
from timbre.songs.text import as_labels, timeline_as_csv

READY = "!document.getElementById('files').disabled"
HEARD = "songs.length && songs.every((song) => song.answer || song.error)"
ANSWERS = "songs.map(({ file, answer, error }) => answer ? { ...answer, spectrogram: null } : { error })"
STRANGE = Path(__file__).resolve().parents[2] / "shared" / "strange-files"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of the released models."""
    path = tmp_path_factory.mktemp("page") / "timbre.html"
    write_page(path, RELEASED)
    return path


def melody(seconds, rate, seed=0):
    """Plucked notes and a hiss: something that the models have opinions on."""
    random, sound = np.random.default_rng(seed), np.zeros(round(seconds * rate), np.float32)
    for start in np.arange(0, seconds - 0.5, 0.4):
        note = tone(random.uniform(100, 1500), min(1.5, seconds - start), rate)
        note *= np.exp(-np.arange(len(note)) / (0.3 * rate)) * random.uniform(0.2, 1)
        sound[round(start * rate) :][: len(note)] += note[: len(sound) - round(start * rate)]
    return sound / 4 + random.normal(0, 0.002, len(sound)).astype(np.float32)


def heard(page, profile, files, **options):
    """What the page answers of files, in their order; it must ask nothing of any network."""
    with opened(page, profile, **options) as browser:
        browser.wait(READY)
        browser.choose("#files", files)
        browser.wait(HEARD)
        browser.check_silent_and_offline()
        return browser.evaluate(ANSWERS)


def check_equal(answer, song, tolerance):
    """An answer of the page is that of Python."""
    assert "error" not in answer, answer
    for kind in ("single", "layered"):
        for name, value in getattr(song, kind).items():
            assert answer[kind][name] == pytest.approx(value, abs=tolerance), (song.name, kind)
    assert len(answer["timeline"]["guitar"]) == len(song.timeline)


def test_the_page_is_one_file_that_may_ask_no_network(page):
    assert page.stat().st_size < 12e6
    text = page.read_text(encoding="utf-8")
    assert "connect-src 'none'" in text
    assert '"card": "# Released weights' in text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:|//)""", text)


def test_wav_is_heard_as_python_hears_it(page, tmp_path):
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
        sound[:, -1] *= -1 if number == 1 else 0.5  # of opposite phase, and of another level
        soundfile.write(path, sound, rate, subtype)
    predictor = Predictor(RELEASED)
    for path, answer in zip(files, heard(page, tmp_path / "profile", files), strict=True):
        song = predictor.listen(path, hop=0.1)
        check_equal(answer, song, 0.01)
        for label, name in enumerate(INSTRUMENTS):
            np.testing.assert_allclose(answer["timeline"][name], song.timeline[:, label], atol=0.02)
        assert [tuple(section) for section in answer["sections"]] == [
            (round(start, 3), round(end, 3), name) for start, end, name in song.sections
        ]
        assert (answer["present"], answer["words"]) == (song.present, song.words)


def test_other_formats_are_heard_nearly_so(page, tmp_path):
    sound, files = melody(9, 44100), [tmp_path / "song.mp3", tmp_path / "song.flac", tmp_path / "song.ogg"]
    for path in files:
        soundfile.write(path, sound, 44100)
    predictor = Predictor(RELEASED)
    for path, answer in zip(files, heard(page, tmp_path / "profile", files), strict=True):
        check_equal(answer, predictor.listen(path, hop=0.1), 0.05)


def test_what_cannot_be_heard_gets_a_sentence_and_the_rest_an_answer(page, tmp_path):
    contents = {"empty.wav": b"", "text.mp3": b"no sound at all", "cut.wav": None, "silent.wav": None, "good.wav": None}
    files = [tmp_path / name for name in contents]
    for path, content in zip(files, contents.values(), strict=True):
        path.write_bytes(content or b"")
    soundfile.write(files[3], np.zeros(50_000, np.float32), 22050)
    soundfile.write(files[4], melody(5, 22050), 22050)
    files[2].write_bytes(files[4].read_bytes()[:100_000])
    with (huge := tmp_path / "huge.mp3").open("wb") as file:
        file.truncate(2**32)
    answers = heard(page, tmp_path / "profile", [*files, huge])
    said = [answer.get("error") for answer in answers]
    assert said[:4] == ["is empty", "cannot be read as audio by this browser", "is cut off", "is silent"]
    assert said[4] is None
    assert said[5].startswith("is too long for a browser to decode")


@pytest.mark.skipif(not STRANGE.is_dir(), reason="the strange files of ../shared are not here")
def test_strange_wav_files_are_heard_as_python_hears_them(page, tmp_path):
    files, predictor = sorted(STRANGE.glob("*.wav")), Predictor(RELEASED)
    for path, answer in zip(files, heard(page, tmp_path / "profile", files), strict=True):
        try:
            check_equal(answer, predictor.listen(path, hop=0.1), 0.01)
        except AudioError as error:
            assert str(error).startswith(answer["error"]), path


def test_a_song_can_be_played_sought_and_saved_by_keyboard(page, tmp_path):
    soundfile.write(tmp_path / "song.wav", melody(12, 22050), 22050)
    song = Predictor(RELEASED).listen(tmp_path / "song.wav", hop=0.1)
    with opened(page, tmp_path / "profile") as browser:
        browser.wait(READY)
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
        browser.evaluate("seek(2), player.muted = true, find('play').click()")
        browser.wait(f"player.currentTime > 2.3 && {playhead} > 100 * 2.2 / 12")
        browser.evaluate("find('play').click()")
        assert browser.evaluate("document.querySelector('[role=slider]').getAttribute('aria-valuetext')").endswith(
            "0:12"
        )
        saved = {kind: browser.evaluate(f"SAVES.{kind}(chosen.answer)") for kind in ("csv", "json", "txt")}
        assert browser.evaluate("SAVES.png(chosen.answer).then((picture) => picture.size)") > 10_000
    assert saved["txt"] == as_labels(song)
    ours = [line.partition(",")[2] for line in timeline_as_csv(song).splitlines()]
    theirs = [line.partition(",")[2] for line in saved["csv"].splitlines()[1:]]
    np.testing.assert_allclose(
        *(np.array([row.split(",") for row in rows], float) for rows in (ours, theirs)), atol=0.02
    )
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
        browser.evaluate("find('microphone').click()")
        browser.wait("microphone.moments.length > 8")
        latest = browser.evaluate("microphone.moments.map((moment) => moment.latest)")
        assert max(map(max, latest)) > 0.2
        browser.evaluate("find('microphone').click()")
        assert browser.evaluate("microphone.context === null && microphone.stream.getTracks()[0].readyState") == "ended"
        browser.check_silent_and_offline()


def memory_of(processes):
    """The most that each of some processes ever held, in MB, together."""
    total = 0
    for process in processes:
        status = (process / "status").read_text()
        total += int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    return total


def test_an_hour_fits_in_little_memory(models, tmp_path):
    page = tmp_path / "small.html"
    write_page(page, models)
    assert "These answers are those of models of your own" in page.read_text(encoding="utf-8")
    path, rate, hour = tmp_path / "hour.wav", 16000, 3600
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        for number in range(hour // 60):
            minute = np.zeros((60 * rate, 2), np.int16)
            minute[: 5 * rate, 0] = 20000 * melody(5, rate, number)
            file.writeframesraw(minute.tobytes())
    with opened(page, tmp_path / "profile") as browser:
        browser.wait(READY)
        renderers = [
            path.parent for path in Path("/proc").glob("[0-9]*/cmdline")
            if b"--type=renderer" in path.read_bytes() and str(tmp_path / "profile").encode() in path.read_bytes()
        ]  # fmt: skip
        before = memory_of(renderers)
        browser.choose("#files", [path])
        browser.wait(HEARD, 600)
        assert browser.evaluate("chosen.answer.seconds") == hour
        assert memory_of(renderers) - before < 200  # of 230 MB of samples in one channel of floats


def test_a_folder_is_no_place_for_a_page(tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path}: is a folder; name the file to write"):
        write_page(tmp_path, RELEASED)
