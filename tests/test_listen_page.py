"""The page to listen to, made from clips with known sounds, as text and in a browser."""

import re

import numpy as np
import pytest
from chromium import opened
from helpers import INSTRUMENTS, tone

from timbre.core.tables import Part, Window
from timbre.evaluation.listen_page import clip_sounds, layered_sounds, write_listen_page
from timbre.evaluation.predictions import Predictions
from timbre.features.mixtures import mix
from timbre.features.split import Split

CLIPS = 20
DECODE = """Promise.all([...document.querySelectorAll("audio")].map(async (player) => {
  const bytes = Uint8Array.from(atob(player.src.split(",")[1]), (letter) => letter.charCodeAt(0));
  const sound = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(bytes.buffer);
  const values = sound.getChannelData(0);
  let waves = 0, below = true;
  for (const value of values) {
    if (below && value > 0.2) waves++;
    if (Math.abs(value) > 0.2) below = value < 0;
  }
  return [player.closest(".clip").querySelector("h4").title, waves];
}))"""
PLAY = """(async () => {
  const [first, second] = document.querySelectorAll("audio");
  const cursor = second.closest(".clip").querySelector(".cursor"), from = Number(cursor.getAttribute("x1"));
  first.muted = second.muted = true;
  await first.play();
  await second.play();
  while (second.currentTime < 0.2) await new Promise(requestAnimationFrame);
  return [first.paused, second.currentTime, cursor.getAttribute("x1") - from];
})()"""


def hertz(clip):
    """Return the frequency of the tone of a clip; each clip lasts one second."""
    return 300.0 + 50 * clip


def predicted(name, wrong, mel, thresholds=(), seconds=1.0, rate=16000):
    """Return predictions of guitar clips; those in `wrong` are taken for a piano, most confidently the first."""
    targets = np.tile(np.eye(4, dtype=np.float32)[0], (CLIPS, 1))
    probabilities = np.tile([0.9, 0.05, 0.02, 0.03], (CLIPS, 1))
    for order, clip in enumerate(wrong):
        confidence = 0.99 - 0.02 * order
        probabilities[clip] = [1 - confidence, 0, 0, confidence]
    present = np.eye(4, dtype=bool)[probabilities.argmax(axis=1)]
    frames = 1 + round(seconds * rate) // mel.hop_length
    mels = np.random.default_rng(0).uniform(-80, 0, (CLIPS, mel.n_mels, frames)).astype(np.float16)
    names = [f"{name} {clip}" for clip in range(CLIPS)]
    return Predictions(Split(mels, np.arange(CLIPS), targets, names, INSTRUMENTS), probabilities, present, thresholds)


@pytest.fixture
def write(tiny, tmp_path):
    """Return a function that writes a page of tones; for its options see `write_listen_page`."""

    def write(single, layered, **options):
        rate = tiny.audio.sample_rate
        tasks = {
            task: (predictions, lambda clip: tone(hertz(clip), 1, rate))
            for task, predictions in (("single", single), ("layered", layered))
        }
        write_listen_page(tmp_path / "listen.html", tasks, tiny.audio, tiny.mel, 0, **options)
        return tmp_path / "listen.html"

    return write


def shown(page):
    """Return the names on a page, in order."""
    return re.findall(r'<h4 title="(.*?)">', page.read_text(encoding="utf-8"))


def test_mistakes_come_hardest_first_then_a_sample_of_the_others(tiny, write):
    single = predicted("alone", [7, 3, 5], tiny.mel)
    page = write(single, predicted("layered", [], tiny.mel, (0.5,) * 4), worst=2, sample=4)
    names = shown(page)
    assert names[:2] == ["alone 7", "alone 3"]
    assert len(names) == len(set(names)) == 2 + 4 + 4
    text = page.read_text(encoding="utf-8")
    assert "3 of 20 test clips are predicted wrong" in text
    assert "0 of 20 test clips are predicted wrong" in text
    assert text.count("plays: <b>guitar</b>, predicted: <b>piano</b>") >= 2
    assert names != shown(write(single, predicted("layered", [], tiny.mel), worst=0, sample=4))


def test_the_same_predictions_give_the_same_bytes_and_names_cannot_break_the_page(tiny, write):
    single, layered = predicted("</h4><script>", [1], tiny.mel), predicted('"&{left}', [2], tiny.mel)
    page = write(single, layered)
    first = page.read_bytes()
    assert b"</h4><script>" not in first
    assert b"&quot;&amp;{left} 2" in first
    assert write(single, layered).read_bytes() == first


def test_long_noisy_windows_and_large_mels_stay_under_five_megabytes(tiny, tmp_path):
    audio = tiny.audio.model_copy(update={"window": 60.0})
    mel = tiny.mel.model_copy(update={"n_mels": 512, "hop_length": 160})
    clips = predicted("long", range(CLIPS), mel, seconds=audio.window)
    noise = np.random.default_rng(0).standard_normal(audio.samples).astype(np.float32)
    tasks = dict.fromkeys(("single", "layered"), (clips, lambda clip: noise))
    write_listen_page(tmp_path / "page.html", tasks, audio, mel, 0)
    assert (tmp_path / "page.html").stat().st_size < 5_000_000


def test_sounds_are_the_first_window_of_a_file_or_the_mixture_of_parts():
    pack = np.random.default_rng(0).integers(-30000, 30000, (6, 400)).astype(np.int16)
    windows = [Window(row, row / 10, file, "guitar", "test", "") for row, file in ((4, "a"), (5, "a"), (2, "b"))]
    alone = clip_sounds(windows, ["a", "b"], pack)
    assert np.array_equal(alone(0), pack[4])
    assert np.array_equal(alone(1), pack[2])
    parts = [
        Part(0, 1, "guitar", 0, 0, "a", 0),
        Part(1, 2, "drums", -3, 0.1, "b", 0),
        Part(1, 3, "piano", 0, 0, "c", 0),
    ]
    assert np.array_equal(layered_sounds(parts, pack, 1000)(1), mix(parts[1:], pack, 1000))


def test_a_browser_plays_each_clip_and_requests_nothing(tiny, write, tmp_path):
    page = write(predicted("alone", [7, 3], tiny.mel), predicted("layered", [5], tiny.mel, (0.4, 0.5, 0.6, 0.5)))
    with opened(page, tmp_path / "profile", width=500) as seen:
        seen.wait("[...document.querySelectorAll('audio')].every((player) => player.readyState >= 2)")
        sounds = seen.evaluate(DECODE)
        first_paused, moved, cursor = seen.evaluate(PLAY)
        sizes = seen.evaluate("[...document.querySelectorAll('svg image')].map((image) => image.getBBox().width)")
        labels = seen.evaluate("document.querySelector('.clip table').innerText").split()
        sideways = seen.evaluate("document.documentElement.scrollWidth - innerWidth")
        seen.check_silent_and_offline()
    assert [name for name, _ in sounds] == shown(page)
    for name, waves in sounds:
        assert waves == pytest.approx(hertz(int(name.split()[-1])), abs=10), name
    assert first_paused
    assert 0.2 <= moved <= 1
    assert cursor == pytest.approx(moved / 1.0 * sizes[0], rel=0.25)
    assert labels[::2] == list(INSTRUMENTS)
    assert sideways <= 0
