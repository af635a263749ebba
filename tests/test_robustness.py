"""timbre benchmark --robustness: each degradation changes what it says, and the scores become a table and a picture."""

import json

import numpy as np
import pytest
import soundfile
from helpers import tone
from typer.testing import CliRunner

from timbre.benchmark import degradations, robustness
from timbre.benchmark.degradations import DEGRADATIONS, RATE, rms
from timbre.cli import app
from timbre.core.rng import generator

CHORD = tone(440, 1.0, RATE) / 2 + tone(1000, 1.0, RATE) / 4


def degrade(name, waveform=CHORD):
    return DEGRADATIONS[name](waveform, generator(0, name))


def level_at(waveform, hertz):
    """Return the amplitude of a sine of this frequency."""
    phases = np.exp(-2j * np.pi * hertz * np.arange(len(waveform)) / RATE)
    return 2 * abs(phases @ waveform) / len(waveform)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degraded_waveforms_are_finite_and_the_same_each_time(name):
    first, second = degrade(name), degrade(name)
    assert first.dtype == np.float32 and np.array_equal(first, second)
    assert np.isfinite(first).all() and not np.array_equal(first, CHORD)


def test_a_level_of_minus_40_db_is_a_hundredth_of_the_rms():
    assert rms(degrade("level -40 dB")) == pytest.approx(rms(CHORD) / 100)


@pytest.mark.parametrize("snr", [20, 10, 0])
def test_noise_has_the_signal_to_noise_ratio(snr):
    noise = degrade(f"pink noise, SNR {snr} dB") - CHORD
    assert 20 * np.log10(rms(CHORD) / rms(noise)) == pytest.approx(snr, abs=0.01)


def test_pink_noise_has_equal_power_in_each_octave():
    noise = degrade("pink noise, SNR 0 dB", tone(440, 8.0, RATE)) - tone(440, 8.0, RATE)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    octaves = [power[(hertz >= low) & (hertz < 2 * low)].sum() for low in (100, 400, 1600, 6400)]
    assert max(octaves) < 1.3 * min(octaves)


def test_the_telephone_band_passes_1_khz_only():
    for hertz, passed in ((1000, 1), (100, 0), (6000, 0)):
        assert level_at(degrade("telephone band", tone(hertz, 1.0, RATE)), hertz) == pytest.approx(passed / 2, abs=0.03)


@pytest.mark.parametrize(("name", "factor"), [("speed +10 %", 1.1), ("speed -10 %", 0.9)])
def test_speed_changes_length_and_pitch(name, factor):
    faster = degrade(name)
    assert len(faster) == pytest.approx(len(CHORD) / factor, abs=1)
    assert level_at(faster, 440 * factor) == pytest.approx(0.25, abs=0.02)


def test_clipping_keeps_full_scale():
    clipped = degrade("clipped by 12 dB")
    assert np.abs(clipped).max() == 1 and (np.abs(clipped) == 1).mean() > 0.3


@pytest.mark.parametrize(("seconds", "decay_db"), [(0.5, -60), (2.0, -15)])
def test_reverberation_decays_by_60_db_in_its_time(seconds, decay_db):
    click = np.zeros(RATE, np.float32)
    click[0] = 1
    tail = degrade(f"reverberation of {seconds:g} s", click)[1:]
    early, late = (rms(tail[round(start * RATE) :][:2400]) for start in (0, 0.5))
    assert 20 * np.log10(max(late, early * 1e-3) / early) == pytest.approx(decay_db, abs=2)


@pytest.mark.parametrize("codec", degradations.FORMATS)
def test_codecs_keep_the_pitch_and_lose_more_at_lower_bit_rates(codec):
    noisy = CHORD + generator(0, "codec").normal(0, 0.1, RATE).astype(np.float32)
    sizes = []
    for kbits in (128, 32):
        coded = degrade(f"{codec}, {kbits} kbit/s", noisy)
        assert level_at(coded[: len(noisy)], 440) == pytest.approx(0.25, abs=0.03)
        sizes.append(np.abs(np.fft.rfft(coded[:RATE]))[15000:].sum())
    assert sizes[1] < sizes[0]


@pytest.fixture
def music(tmp_path):
    """Return a folder of two recordings and an unreadable one. One of them is silent at -40 dB."""
    folder = tmp_path / "music"
    folder.mkdir()
    soundfile.write(folder / "a.wav", tone(440, 0.5, 16000), 16000)
    soundfile.write(folder / "b.wav", tone(220, 0.5, 16000) / 50, 16000)
    (folder / "broken.wav").write_text("no audio")
    rows = ("a.wav,drums,piano,x", "b.wav,piano,drums,y", "broken.wav,piano,,z")
    (folder / "labels.csv").write_text("\n".join(["path,present,absent,source", *rows]))
    return folder


def test_the_command_prints_a_table_or_json_and_draws_a_picture(music, models, tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, "DEGRADATIONS", {name: DEGRADATIONS[name] for name in ("level -40 dB",)})
    picture = tmp_path / "new/robustness.png"
    command = ["benchmark", str(music), "--models", str(models), "--robustness"]
    printed = CliRunner().invoke(app, [*command, "--plot", str(picture)]).output
    assert printed.startswith("2 recordings of 2 sources (labelled by labels.csv), by the models in ")
    assert "\n1 more cannot be read, such as broken.wav: " in printed
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["| condition", "| unchanged", "| level -40 dB"]
    assert rows[1][2] == "" and rows[2][4][0] in "+-"
    assert "level -40 dB: the models refuse 1 recordings" in printed
    assert picture.read_bytes()[:4] == b"\x89PNG"
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert found["conditions"]["level -40 dB"]["refused"] == 1
    assert found["conditions"]["unchanged"]["scores"]["recall"]["drums"]["value"] == 1  # these models predict drums


def test_a_picture_needs_the_option_and_a_png_file(music):
    for options in (["--plot", "a.png"], ["--robustness", "--plot", "a.pdf"]):
        refused = CliRunner().invoke(app, ["benchmark", str(music), *options])
        assert refused.exit_code == 2 and "name a .png file, and add --robustness" in refused.output
