"""Measure the size and speed of the page of `timbre page` in a headless Chromium: `python benchmarks/page.py`.

`python benchmarks/page.py --picture FILE.png SONG ...` saves a picture of the page with its results for songs.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from timing import Line, show

from timbre.core.files import RELEASED
from timbre.core.rng import generator
from timbre.page.write import write_page

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from chromium import Page, opened

RATE, SHORT, LONG = 44100, 10, 300  # Hz; seconds; seconds
MICROPHONE_SILENCE = 3  # seconds before the microphone's sound starts
READY = "!document.getElementById('files').disabled"
DONE = "songs.length && songs.every((song) => song.result || song.error)"
# Starts the microphone and returns the seconds from the first loud sample to the first probable instrument.
MICROPHONE_LATENCY = """(async () => {
  const send = microphone.send, wait = (condition) => new Promise((resolve) => {
    const look = () => (condition() ? resolve(performance.now()) : setTimeout(look, 5));
    look();
  });
  let start = 0;
  microphone.send = (message) => {
    if (!start && message.microphone.samples?.some((value) => Math.abs(value) > 0.05)) start = performance.now();
    send(message);
  };
  await microphone.start();
  const end = await wait(() => start && microphone.updates.some(({ latest }) => Math.max(...latest) > 0.3));
  microphone.stop();
  return (end - start) / 1000;
})()"""


def chords(seconds: float, rate: int) -> np.ndarray:
    """Return plucked chords, one every half second."""
    rng, times = generator(0, "benchmark", "page"), np.arange(round(0.5 * rate)) / rate
    pieces = (
        sum(np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(80, 1000, 4)) * np.exp(-4 * times)
        for _ in range(round(2 * seconds))
    )
    return (0.1 * np.concatenate(list(pieces))).astype(np.float32)


def seconds_to_predict(browser: Page, paths: list[Path]) -> float:
    """Return the seconds until the page has results for all files."""
    started = time.perf_counter()
    browser.choose("#files", paths)
    browser.wait(DONE)
    return time.perf_counter() - started


def measure() -> list[Line]:
    """Measure the page's size, start, speed and the microphone's latency."""
    with TemporaryDirectory() as folder:
        names = ("page.html", "short.wav", "long.wav", "microphone.wav")
        page, short, long, microphone = (Path(folder) / name for name in names)
        write_page(page, RELEASED)
        soundfile.write(short, chords(SHORT, RATE), RATE)
        soundfile.write(long, chords(LONG, RATE), RATE)
        late_chords = np.concatenate([np.zeros(MICROPHONE_SILENCE * 48000), chords(60, 48000)])
        soundfile.write(microphone, late_chords, 48000, "PCM_16")
        flags = (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        )
        started = time.perf_counter()
        with opened(page, Path(folder) / "first") as browser:
            browser.wait(READY)
            seconds_to_predict(browser, [short])
            first = time.perf_counter() - started
            browser.evaluate("songs.length = 0")
            taken = seconds_to_predict(browser, [long])
        with opened(page, Path(folder) / "second", flags=flags) as browser:
            browser.wait(READY)
            latency = browser.evaluate(MICROPHONE_LATENCY)
        size = page.stat().st_size / 1e6
    return [
        Line("page: size in MB (absolute)", f"{size:.1f}", "≤ 12"),
        Line(f"page: from starting the browser to the result of {SHORT} s, seconds (absolute)", f"{first:.1f}"),
        Line(f"page: times faster than real time, a WAV file of {LONG // 60} minutes", f"{LONG / taken:.0f}", "≥ 5"),
        Line("page: microphone, from a sound to its lane, seconds (absolute)", f"{latency:.2f}", "≤ 1"),
    ]


def save_picture(path: Path, songs: list[Path]) -> None:
    """Save a picture of the page with its results for songs. The first song is chosen."""
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        write_page(page, RELEASED)
        with opened(page, Path(folder) / "profile", width=1100) as browser:
            browser.wait(READY)
            seconds_to_predict(browser, songs)
            browser.evaluate("choose(songs[0]), seek(songs[0].result.seconds / 3)")
            browser.wait("!player.seeking")
            browser.screenshot(path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--picture"]:
        save_picture(Path(sys.argv[2]), [Path(song) for song in sys.argv[3:]])
    else:
        show(measure())
