"""How large and how fast the page of `timbre page` is, in a headless Chromium: `python benchmarks/page.py`.

`python benchmarks/page.py --picture FILE.png SONG ...` draws what it makes of songs.
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

RATE, SHORT, LONG = 44100, 10, 300  # seconds
SILENT = 3  # seconds before the microphone hears anything
HEARD = "songs.length && songs.every((song) => song.answer || song.error)"
LISTEN = """(async () => {
  const sent = microphone.send, wait = (when) => new Promise((done) => {
    const look = () => (when() ? done(performance.now()) : setTimeout(look, 5));
    look();
  });
  let begun = 0;
  microphone.send = (message) => {
    if (!begun && message.microphone.samples?.some((value) => Math.abs(value) > 0.05)) begun = performance.now();
    sent(message);
  };
  await microphone.start();
  const heard = await wait(() => begun && microphone.moments.some((one) => Math.max(...one.latest) > 0.3));
  microphone.stop();
  return (heard - begun) / 1000;
})()"""


def chords(seconds: float, rate: int) -> np.ndarray:
    """Plucked chords, one each half second."""
    rng, times = generator(0, "benchmark", "page"), np.arange(round(0.5 * rate)) / rate
    pieces = (
        sum(np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(80, 1000, 4)) * np.exp(-4 * times)
        for _ in range(round(2 * seconds))
    )
    return (0.1 * np.concatenate(list(pieces))).astype(np.float32)


def heard(browser: Page, paths: list[Path]) -> float:
    """Seconds until the page has heard files."""
    started = time.perf_counter()
    browser.choose("#files", paths)
    browser.wait(HEARD)
    return time.perf_counter() - started


def measure() -> list[Line]:
    with TemporaryDirectory() as folder:
        page, short, long, said = (Path(folder) / name for name in ("page.html", "short.wav", "long.wav", "said.wav"))
        write_page(page, RELEASED)
        soundfile.write(short, chords(SHORT, RATE), RATE)
        soundfile.write(long, chords(LONG, RATE), RATE)
        soundfile.write(said, np.concatenate([np.zeros(SILENT * 48000), chords(60, 48000)]), 48000, "PCM_16")
        flags = (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={said}",
        )
        started = time.perf_counter()
        with opened(page, Path(folder) / "first") as browser:
            browser.wait("!document.getElementById('files').disabled")
            heard(browser, [short])
            first = time.perf_counter() - started
            browser.evaluate("songs.length = 0")
            taken = heard(browser, [long])
        with opened(page, Path(folder) / "second", flags=flags) as browser:
            browser.wait("!document.getElementById('files').disabled")
            latency = browser.evaluate(LISTEN)
        size = page.stat().st_size / 1e6
    return [
        Line("page: size in MB (absolute)", f"{size:.1f}", "≤ 12"),
        Line("page: from the start of the browser to the answer of 10 s, seconds (absolute)", f"{first:.1f}"),
        Line(f"page: times real time, a wav of {LONG // 60} minutes", f"{LONG / taken:.0f}", "≥ 5"),
        Line("page: microphone, from a sound's arrival to its lane, seconds (absolute)", f"{latency:.2f}", "≤ 1"),
    ]


def picture(path: Path, songs: list[Path]) -> None:
    """Draw the page after it has heard songs, the first of them chosen."""
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        write_page(page, RELEASED)
        with opened(page, Path(folder) / "profile", width=1100) as browser:
            browser.wait("!document.getElementById('files').disabled")
            heard(browser, songs)
            browser.evaluate("choose(songs[0]), seek(songs[0].answer.seconds / 3)")
            browser.wait("!player.seeking")
            browser.screenshot(path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--picture"]:
        picture(Path(sys.argv[2]), [Path(song) for song in sys.argv[3:]])
    else:
        show(measure())
