"""Try an installed wheel outside of the repository: `timbre predict` must find drums, and only drums, in a drum beat.

The beat is synthesised with the standard library. The command runs with the console encoding of Windows.

usage: try_wheel.py
"""

import array
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

RATE, SECONDS, STEP = 22050, 6, 0.25  # Hz, s, s between hits
NAME = "Schlagzeug für Anfänger – 鼓.wav"  # the last character is not in the console's encoding


def beat() -> list[float]:
    """Return the samples of a beat: kick and snare in turn, and a hi-hat on each step."""
    noise = random.Random(0).uniform
    samples = [0.0] * (RATE * SECONDS)
    for step in range(round(SECONDS / STEP)):
        start = round(step * STEP * RATE)
        for index in range(min(round(0.4 * RATE), len(samples) - start)):
            time = index / RATE
            sound = 0.25 * noise(-1, 1) * math.exp(-60 * time)
            if step % 4 == 0:
                sound += math.sin(2 * math.pi * (50 * time + 5 * (1 - math.exp(-25 * time)))) * math.exp(-9 * time)
            if step % 4 == 2:
                sound += (0.7 * noise(-1, 1) + 0.4 * math.sin(2 * math.pi * 190 * time)) * math.exp(-16 * time)
            samples[start + index] += sound
    return samples


def write_wav(path: Path, samples: list[float]) -> None:
    """Write samples as a 16-bit mono file, with half of the full scale as its peak."""
    peak = max(map(abs, samples))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(array.array("h", (round(sample / peak * 16383) for sample in samples)).tobytes())


def main() -> None:
    """Write the beat to a temporary folder, predict it, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        write_wav(Path(folder, NAME), beat())
        command = [sys.executable, "-m", "timbre", "predict", NAME]
        environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
        text = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True).stdout
        written = subprocess.run([*command, "--format", "jsonl"], cwd=folder, check=True, capture_output=True).stdout
    song = json.loads(written.decode("utf-8"))
    assert "für Anfänger".encode("cp1252") in text, text
    assert (song["instrument"], song["present"], song["file"]) == ("drums", ["drums"], NAME), song
    print(f"{sys.version.split()[0]} on {sys.platform}: drums, probability {song['layered']['drums']}")


if __name__ == "__main__":
    main()
