"""Commands with standard streams that are closed or not read, and commands that are interrupted."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time

import pytest
import soundfile
from helpers import ROOT, tone

from timbre.core.stage import INTERRUPTED

TIMBRE = [sys.executable, "-m", "timbre"]
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from timbre.cli import main; main()"  # starts sooner
PREDICT = [sys.executable, "-c", WITHOUT_TORCH, "predict"]
STAGE = [sys.executable, "-m", "stages.download"]


@pytest.fixture
def folder(tmp_path):
    """A folder with two songs."""
    for name in ("a.wav", "ö.wav"):
        soundfile.write(tmp_path / name, tone(440, 1, 16000), 16000)
    return tmp_path


def start(folder, command, stdin=subprocess.DEVNULL, **environment):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, **environment},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_reading_standard_input_gives_one_line(folder, number):
    process = start(folder, [*PREDICT, "-"], stdin=subprocess.PIPE)
    process.stdin.write("RIFF")
    process.stdin.flush()
    unread = bytearray(4)
    while fcntl.ioctl(process.stdin, termios.FIONREAD, unread) or any(unread):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.wait()  # standard input stays open
    assert process.stderr.read().splitlines()[1:] == [f"timbre: {INTERRUPTED}"]
    assert process.returncode == 130


ANSWER = [*PREDICT, "a.wav", "--format", "csv"]
FROM_STREAM = ["-" if argument == "a.wav" else argument for argument in ANSWER]


@pytest.mark.parametrize(
    ("command", "closed", "status", "stdout", "stderr"),
    [
        (ANSWER, ">&-", 0, "", "models: "),
        (ANSWER, "2>&-", 0, "\na.wav,", ""),
        (FROM_STREAM, "<&-", 1, "is empty", "models: "),
        ([*TIMBRE, "--help"], ">&-", 0, "", ""),
        ([*TIMBRE, "check"], ">&- 2>&-", 1, "", ""),
        ([*TIMBRE, "compare", "HEAD"], ">&- <&-", 1, "", "timbre: "),
        (STAGE, ">&-", 1, "", "download: params.yaml"),
        (STAGE, "2>&-", 1, "", ""),
    ],
)
def test_a_closed_stream_does_not_stop_a_command(folder, command, closed, status, stdout, stderr):
    process = start(folder, ["sh", "-c", f'exec "$@" {closed}', "sh", *command])
    output, errors = process.communicate()
    assert process.returncode == status, errors
    assert stdout in output
    assert errors.startswith(stderr)
    assert errors.count("\n") == bool(stderr)


def test_with_all_streams_closed_the_written_files_are_the_same(folder):
    command = [*ANSWER, "--plot", "out", "--labels", "out"]
    assert start(folder, command).wait() == 0
    before = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert start(folder, ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]).wait() == 0
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == before
    assert len(before) == 2


def test_a_reader_that_stops_reading_ends_the_command_without_a_traceback(folder):
    process = start(folder, [*PREDICT, "a.wav", "ö.wav"])
    assert process.stdout.readline().split()[-1] == "plays"
    process.stdout.close()
    process.wait()
    assert process.returncode == 1
    assert process.stderr.read().count("\n") == 1  # which models


@pytest.mark.parametrize(("form", "name"), [("text", "?.wav"), ("csv", r"\xf6.wav")])
def test_a_name_that_the_output_cannot_encode_is_escaped(folder, form, name):
    command = [*PREDICT, "ö.wav", "--format", form]
    process = start(folder, command, PYTHONIOENCODING="ascii")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert name in output
