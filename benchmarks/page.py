"""Measure the size and speed of the page of `timbre page` in a headless Chromium: `python benchmarks/page.py`.

`python benchmarks/page.py --picture FILE.png SONG ...` saves a picture of the page with its results for songs.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
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
CLIENTS, ROUNDS = 20, 4  # of the server
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


def ask_server(port: int, content: bytes, seconds: float | None = None) -> int:
    """Send a song and return the status of the response. With `seconds`, leave after that time and return 0."""
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    with closing(connection), suppress(TimeoutError):
        connection.request("POST", "/api/listen", content)
        return connection.getresponse().status
    return 0


@contextmanager
def running_server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `timbre serve` and yield its process and port."""
    command = [sys.executable, "-m", "timbre", "serve", "--port=0", "--no-browser", f"--models={RELEASED}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout
            yield server, int(server.stdout.readline().split(" ")[0].rsplit(":", 1)[1])
        finally:
            server.kill()


def memory(process: subprocess.Popen[str]) -> float:
    """Return the memory of a process in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure_server() -> list[Line]:
    """Measure the server while clients ask and half of them leave."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "song.wav"
        soundfile.write(path, chords(SHORT, RATE), RATE)
        short = path.read_bytes()
        soundfile.write(path, chords(LONG, RATE), RATE)
        long = path.read_bytes()
    with running_server() as (server, port), ThreadPoolExecutor(CLIENTS) as clients:
        used = []
        for _ in range(ROUNDS):
            leaving = [clients.submit(ask_server, port, long, 1.0) for _ in range(CLIENTS // 2)]
            staying = [clients.submit(ask_server, port, short) for _ in range(CLIENTS // 2)]
            statuses = [client.result() for client in (*leaving, *staying)]
            assert statuses == [0] * len(leaving) + [200] * len(staying), statuses
            used.append(memory(server))
        started = time.perf_counter()
        assert ask_server(port, short) == 200
        next_answer = time.perf_counter() - started
        clients.submit(ask_server, port, long)
        time.sleep(1)
        started = time.perf_counter()
        server.send_signal(signal.SIGINT)
        server.wait()
        stopped = time.perf_counter() - started
    clients_left = f"{CLIENTS} clients, half of whom left"
    return [
        Line(f"server: answer to {SHORT} s after {clients_left}, seconds (absolute)", f"{next_answer:.2f}"),
        Line(f"server: MB more after {ROUNDS} times {clients_left}", f"{used[-1] - used[0]:.0f}"),
        Line("server: from Ctrl+C during a song to its end, seconds (absolute)", f"{stopped:.2f}", "≤ 1"),
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
        save_picture(Path(sys.argv[2]), [Path(song).absolute() for song in sys.argv[3:]])
    else:
        show(measure() + measure_server())
