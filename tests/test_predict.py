import csv
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from helpers import INSTRUMENTS, tone
from typer.testing import CliRunner

import timbre
from timbre.cli import app
from timbre.core.errors import AudioError, DataError
from timbre.features.events import find_events
from timbre.features.mel import power_to_db, reference_to_peak
from timbre.model.checkpoint import ModelConfig, save_model
from timbre.model.network import TimbreNet
from timbre.songs.predictor import Predictor, song_logits
from timbre.songs.timeline import sections_of


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_each_file_is_answered_and_a_bad_one_costs_only_the_exit_status(models, tmp_path):
    good, bad = tmp_path / "good one.wav", tmp_path / "bad.wav"
    soundfile.write(good, tone(440, 3.3, 44100), 44100)
    bad.write_text("not audio")
    result = predict(good, bad, good, "--format", "jsonl", "--models", models)
    assert result.exit_code == 1
    first, error, again = (json.loads(line) for line in result.stdout.splitlines())
    assert list(first) == ["file", "instrument", "single", "present", "layered", "shares", "first_heard", "solos"]
    assert first["file"] == str(good)
    assert list(first["single"]) == list(first["layered"]) == list(INSTRUMENTS)
    assert sum(first["single"].values()) == pytest.approx(1, abs=1e-3)
    assert first["single"][first["instrument"]] == max(first["single"].values())
    assert "drums" in first["present"]  # its threshold is 0
    assert "piano" not in first["present"]  # its threshold is 1
    assert error == {"file": str(bad), "error": error["error"]}
    assert "cannot be read as audio" in error["error"]
    assert again == first


def test_the_text_names_the_file_the_answer_and_draws_a_bar_an_instrument(models, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(440, 1, 16000), 16000)
    result = predict(path, "--models", models)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == str(path)
    for instrument in INSTRUMENTS:
        bar, value = re.search(rf"{instrument} +([█░]{{20}}) (\d\.\d\d)", result.stdout).groups()
        assert bar.count("█") == pytest.approx(20 * float(value), abs=0.6)


def test_loudness_and_silence_around_do_not_change_an_answer(models, tmp_path):
    predictor = Predictor(models)
    sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    answers = []
    for name, changed in (("a", sound), ("b", sound / 50), ("c", np.pad(sound, (0, 48000)))):
        soundfile.write(tmp_path / f"{name}.wav", changed, 16000, subtype="FLOAT")
        answers.append(predictor.listen(tmp_path / f"{name}.wav"))
    for answer in answers[1:]:
        assert answer.layered == pytest.approx(answers[0].layered, abs=1e-3)


def test_missing_models_are_named_with_the_way_out(tmp_path):
    result = predict(tmp_path / "a.wav", "--models", tmp_path / "nowhere")
    assert "no such model; train it with dvc repro" in str(result.exception)


@pytest.fixture
def predictor(models):
    return Predictor(models)


def song(path, *parts):
    """A file of noise: a second at each level."""
    random = np.random.default_rng(0)
    sound = np.concatenate([random.normal(0, 0.1, 16000) * level for level in parts])
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    return path


@pytest.mark.parametrize("seconds", [0.2, 1])
def test_a_song_of_one_window_is_answered_as_the_networks_answer_that_window(predictor, tmp_path, seconds):
    sound = tone(440, seconds, 16000)
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    waveform = torch.from_numpy(np.pad(sound / np.abs(sound).max(), (0, 16000 - len(sound))))[None]
    mels = reference_to_peak(power_to_db(predictor.engine.transform(waveform)))
    heard = predictor.listen(tmp_path / "a.wav")
    with torch.inference_mode():
        together = predictor.engine.layered.network(mels)[0].sigmoid().tolist()
        alone = predictor.engine.single.network(mels)[0].softmax(0).tolist()
    assert list(heard.layered.values()) == pytest.approx(together, abs=1e-4)
    assert list(heard.single.values()) == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize(("seconds", "hop"), [(0.2, 0.5), (1.0, 0.5), (7.3, 0.5), (7.3, 0.1), (3.0, 60.0)])
def test_the_timeline_has_one_value_per_hop_over_the_whole_song(predictor, tmp_path, seconds, hop):
    soundfile.write(tmp_path / "a.wav", tone(440, seconds, 16000), 16000)
    heard = predictor.listen(tmp_path / "a.wav", hop)
    assert heard.timeline.shape == (max(1, int(np.ceil(seconds / hop - 1e-9))), 4)
    assert heard.seconds == pytest.approx(seconds)
    assert ((heard.timeline >= 0) & (heard.timeline <= 1)).all()
    assert all(0 <= start < end <= heard.seconds + 1e-9 for start, end, _ in heard.sections)


def test_nothing_plays_where_there_is_silence(predictor, tmp_path):
    heard = predictor.listen(song(tmp_path / "a.wav", 1, 1, 0.001, 0.001, 0.001, 1, 1))
    assert (heard.timeline[5:9] == 0).all()
    assert (heard.timeline[[0, 1, 2, 11, 12, 13]] > 0).all()
    drums = [section[:2] for section in heard.sections if section[2] == "drums"]  # its threshold is 0
    assert drums == [pytest.approx((0, 2.1), abs=0.15), pytest.approx((4.9, 7), abs=0.15)]


def test_what_plays_in_a_window_stands_where_that_window_is(predictor, tmp_path, monkeypatch):
    hear = predictor.engine.predict

    def of_the_loud_one(waveforms):
        heard, is_loud = hear(waveforms), np.abs(waveforms).max(axis=1) > 0.3
        return replace(heard, activity=np.where(is_loud[:, None, None], 9, -9) * np.ones_like(heard.activity))

    monkeypatch.setattr(predictor.engine, "predict", of_the_loud_one)
    heard = predictor.listen(song(tmp_path / "a.wav", 0.5, 0.5, 1, 0.5), hop=0.25)
    assert [(round(start), round(end), name) for start, end, name in heard.sections] == [
        (2, 3, name) for name in INSTRUMENTS
    ]
    assert ((heard.timeline > 0.5).all(axis=1) == np.repeat([False, False, True, False], 4)).all()


def test_cells_of_silence_say_nothing_of_a_song(predictor, tmp_path, monkeypatch):
    hear = predictor.engine.predict

    def at_first(waveforms):
        heard = hear(waveforms)
        cells = np.full_like(heard.frames, -4)
        cells[:, : round(0.2 * cells.shape[1])] = 4  # half of what sounds, a fifth of all
        return replace(heard, layered=np.zeros_like(heard.layered), frames=cells)

    monkeypatch.setattr(predictor.engine, "predict", at_first)
    sound = np.random.default_rng(0).normal(0, 0.1, (3, 16000)) * (np.arange(16000) < 6400)
    soundfile.write(tmp_path / "a.wav", sound.ravel(), 16000, subtype="FLOAT")
    heard = predictor.listen(tmp_path / "a.wav")
    assert list(heard.layered.values()) == pytest.approx([1 / (1 + np.exp(-2))] * 4, abs=1e-3)


def test_who_plays_in_a_third_of_a_song_is_present_and_who_seems_to_in_a_moment_is_not():
    windows = np.full((12, 4), -6.0, np.float32)
    windows[:4, 0] = 6  # guitar in a third of the windows
    windows[5, 2] = 6  # violin in one
    guitar, _, violin, _ = song_logits(windows, np.repeat(windows, 20, axis=0))
    assert (guitar, violin) == (6, -6)
    windows[:, 3] = 2
    moments = np.repeat(windows, 20, axis=0)
    moments[::2, 3] = -6  # a piano in each window, and in half of the moments
    assert song_logits(windows, moments)[3] == 2
    moments[::5, 3] = moments[1::5, 3] = moments[2::5, 3] = moments[3::5, 3] = -6
    assert song_logits(windows, moments)[3] == -2  # in hardly any: halfway
    assert song_logits(windows[:1], moments)[3] == 2  # a window by itself


@pytest.mark.parametrize("samples", [1, 300, 3000])
def test_what_is_too_short_to_tell_says_so(predictor, tmp_path, samples):
    soundfile.write(tmp_path / "a.wav", tone(440, 1, 16000)[-samples:], 16000)
    with pytest.raises(AudioError, match=rf"is too short to tell \({samples / 16000:.2f} s\)"):
        predictor.listen(tmp_path / "a.wav")


@pytest.mark.parametrize("height", [1, 300])
def test_a_pop_does_not_decide_what_a_song_is(predictor, tmp_path, height):
    sound = 0.01 * np.random.default_rng(0).normal(0, 0.1, 16 * 16000)
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    clean = predictor.listen(tmp_path / "a.wav")
    sound[40_000:40_100] = height
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    popped = predictor.listen(tmp_path / "a.wav")
    assert (popped.timeline > 0).all()
    assert popped.layered == pytest.approx(clean.layered, abs=0.02)


def test_sections_are_runs_with_short_pauses_bridged():
    plays = np.array([1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert find_events(plays, 2) == [(0, 4), (7, 8)]
    assert find_events(plays, 0) == [(0, 2), (3, 4), (7, 8)]
    assert find_events(~plays, 9) == [(2, 7)]
    assert find_events(np.zeros(3, bool), 2) == []


def logits_of(*values):
    """Logits of one instrument, a tenth of a second each."""
    return np.array(values, np.float32)[:, None]


def sections(logits, sounds=True):
    sounds = np.broadcast_to(sounds, len(logits))
    return [section[:2] for section in sections_of(logits, sounds, len(logits) / 10, ["cello"])]


def test_a_doubt_parts_no_section_and_a_guess_makes_none():
    doubt = logits_of(*[-5] * 5, *[3] * 10, *[-1] * 15, *[3] * 10, *[-5] * 5)
    assert sections(doubt) == [pytest.approx((0.5, 4.0))]
    assert sections(logits_of(*[-5] * 5, *[2] * 10, *[-5] * 5)) == []
    assert sections(logits_of(*[-5] * 5, *[0.5] * 3, *[3] * 12, *[-5] * 19)) == [pytest.approx((0.5, 2.0))]


def test_a_section_ends_where_there_is_silence_and_with_the_song():
    heard = np.repeat([True, False, True], [10, 12, 8])
    assert sections(logits_of(*[3] * 30), heard) == [pytest.approx((0, 1)), pytest.approx((2.2, 3))]
    assert sections_of(logits_of(*[3] * 30), heard, 2.97, ["cello"])[-1][1] == 2.97


def test_jsonl_and_csv_hold_the_timeline(models, tmp_path):
    path = song(tmp_path / "a, b.wav", 1, 1, 1)
    line = json.loads(predict(path, "--models", models, "--format", "jsonl", "--timeline", "--hop", 0.25).stdout)
    assert list(line["timeline"]) == ["hop", *INSTRUMENTS]
    assert line["timeline"]["hop"] == 0.25
    rows = list(
        csv.DictReader(
            predict(path, "--models", models, "--format", "csv", "--timeline", "--hop", 0.25).stdout.splitlines()
        )
    )
    assert [float(row["seconds"]) for row in rows] == [0.25 * step for step in range(12)]
    for name in INSTRUMENTS:
        assert [float(row[name]) for row in rows] == line["timeline"][name]
    (row,) = csv.DictReader(predict(path, "--models", models, "--format", "csv").stdout.splitlines())
    assert row["file"] == str(path)
    assert {name: float(row[name]) for name in INSTRUMENTS} == line["layered"]


def test_pictures_and_label_tracks_of_a_folder_stand_apart_from_its_songs(models, tmp_path):
    album = tmp_path / "album"
    for name in ("cd1/a.wav", "cd2/a.wav"):
        (album / name).parent.mkdir(parents=True)
        song(album / name, 1, 1)
    before = {path: path.read_bytes() for path in album.rglob("*.wav")}
    result = predict(album, album / "cd1/a.wav", "--models", models, "--plot", album, "--labels", album)
    assert result.exit_code == 0
    assert {path: path.read_bytes() for path in album.rglob("*.wav")} == before
    written = sorted(path.relative_to(album).as_posix() for path in album.rglob("*") if path.suffix in (".png", ".txt"))
    names = ["a.wav", "cd1/a.wav", "cd2/a.wav"]
    assert written == sorted(f"{name}{suffix}" for name in names for suffix in (".png", ".labels.txt"))
    labels = [line.split("\t") for line in (album / "a.wav.labels.txt").read_text().splitlines()]
    assert ["0.000000", "2.000000", "drums"] in labels  # its threshold is 0
    assert len(result.stdout.splitlines()) == 4  # a table: heading and three songs


def test_an_output_that_cannot_be_written_costs_one_line_and_the_exit_status(models, tmp_path):
    path = song(tmp_path / "a.wav", 1)
    result = predict(path, "--models", models, "--plot", path / "a.png", "--labels", tmp_path / "labels")
    assert result.exit_code == 1
    assert "a.png: cannot be written" in result.stderr
    assert "Traceback" not in result.output
    assert (tmp_path / "labels" / "a.wav.labels.txt").exists()


@pytest.mark.parametrize("seconds", [0.2, 3, 100])
def test_the_picture_is_the_same_bytes_each_time(predictor, tmp_path, seconds):
    soundfile.write(tmp_path / "a.wav", tone(440, seconds, 16000), 16000)
    pictures = [predictor.listen(tmp_path / "a.wav")._repr_png_() for _ in range(2)]
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG")


def test_python_hears_what_the_command_does(models, tmp_path):
    path = song(tmp_path / "a.wav", 1, 1)
    heard = timbre.listen(path, models=models)
    line = json.loads(predict(path, "--models", models, "--format", "jsonl").stdout)
    said = heard.instrument, heard.single, heard.present, heard.layered, heard.shares
    assert said == tuple(line.values())[1:6]
    assert heard.probabilities.tolist() == list(heard.layered.values())


@pytest.mark.parametrize("change", [{"thresholds": (0.5,)}, {"task": "single"}, {"instruments": ("a", "b", "c", "d")}])
def test_a_model_file_that_says_something_else_is_refused(models, tiny, change):
    said = {"task": "layered", "audio": tiny.audio, "mel": tiny.mel, "model": tiny.model, "thresholds": (0.5,) * 4}
    description = ModelConfig.model_construct(**{**said, **change})
    save_model(models / "layered.safetensors", TimbreNet(tiny.model, 4), description, torch.zeros(1))
    with pytest.raises(DataError, match=r"not a .*model"):
        Predictor(models)


def test_help_is_light():
    code = "import sys, timbre.cli; print([name for name in ('torch', 'librosa', 'matplotlib') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"[]"
