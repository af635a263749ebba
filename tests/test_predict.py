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
from timbre.songs.answer import TIMELINE_LIMIT, joint_logits, song_activity, song_logits
from timbre.songs.output import BORDER
from timbre.songs.predictor import Predictor
from timbre.songs.timeline import sections_of


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_every_readable_file_is_predicted_and_a_bad_one_sets_the_exit_status(models, tmp_path):
    good, bad = tmp_path / "good one.wav", tmp_path / "bad.wav"
    soundfile.write(good, tone(440, 3.3, 44100), 44100)
    bad.write_text("not audio")
    result = predict(good, bad, good, "--format", "jsonl", "--models", models)
    assert result.exit_code == 1
    first, error, again = (json.loads(line) for line in result.stdout.splitlines())
    assert list(first) == [
        "file",
        "instrument",
        "single",
        "alone",
        "present",
        "layered",
        "shares",
        "first_heard",
        "solos",
    ]
    assert first["file"] == str(good)
    assert list(first["single"]) == list(first["layered"]) == list(INSTRUMENTS)
    assert sum(first["single"].values()) == pytest.approx(1, abs=1e-3)
    assert first["single"][first["instrument"]] == max(first["single"].values())
    assert "drums" in first["present"]  # its threshold is 0
    assert "piano" not in first["present"]  # its threshold is 1
    assert error == {"file": str(bad), "error": error["error"]}
    assert "cannot be read as audio" in error["error"]
    assert again == first


def test_text_has_the_file_name_and_one_bar_per_instrument(models, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(440, 1, 16000), 16000)
    result = predict(path, "--models", models)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == str(path)
    for instrument in INSTRUMENTS:
        bar, value = re.search(rf"{instrument} +([█░]{{20}}) (\d\.\d\d)", result.stdout).groups()
        assert bar.count("█") == pytest.approx(20 * float(value), abs=0.6)


def test_loudness_and_added_silence_do_not_change_a_prediction(models, tmp_path):
    predictor = Predictor(models)
    sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    predictions = []
    for name, changed in (("a", sound), ("b", sound / 50), ("c", np.pad(sound, (0, 48000)))):
        soundfile.write(tmp_path / f"{name}.wav", changed, 16000, subtype="FLOAT")
        predictions.append(predictor.listen(tmp_path / f"{name}.wav"))
    for prediction in predictions[1:]:
        assert prediction.layered == pytest.approx(predictions[0].layered, abs=1e-3)


def test_the_error_for_missing_models_says_how_to_train_them(tmp_path):
    result = predict(tmp_path / "a.wav", "--models", tmp_path / "nowhere")
    assert "no such model; train it with dvc repro" in str(result.exception)


@pytest.fixture
def predictor(models):
    return Predictor(models)


def write_song(path, *parts):
    """Write a file of noise: one second at each level."""
    random = np.random.default_rng(0)
    sound = np.concatenate([random.normal(0, 0.1, 16000) * level for level in parts])
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    return path


@pytest.mark.parametrize("seconds", [0.2, 1])
def test_for_a_song_of_one_window_each_model_predicts_that_window(predictor, tmp_path, monkeypatch, seconds):
    monkeypatch.setattr("timbre.songs.predictor.joint_logits", lambda layered, *_: layered)
    sound = tone(440, seconds, 16000)
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    waveform = torch.from_numpy(np.pad(sound / np.abs(sound).max(), (0, 16000 - len(sound))))[None]
    mels = reference_to_peak(power_to_db(predictor.engine.transform(waveform)))
    song = predictor.listen(tmp_path / "a.wav")
    with torch.inference_mode():
        layered = predictor.engine.layered.network(mels)[0].sigmoid().tolist()
        single = predictor.engine.single.network(mels)[0].softmax(0).tolist()
    assert list(song.layered.values()) == pytest.approx(layered, abs=1e-4)
    assert list(song.single.values()) == pytest.approx(single, abs=1e-4)


@pytest.mark.parametrize(("seconds", "hop"), [(0.2, 0.5), (1.0, 0.5), (7.3, 0.5), (7.3, 0.1), (3.0, 60.0)])
def test_the_timeline_has_one_value_per_hop_over_the_whole_song(predictor, tmp_path, seconds, hop):
    soundfile.write(tmp_path / "a.wav", tone(440, seconds, 16000), 16000)
    song = predictor.listen(tmp_path / "a.wav", hop)
    assert song.timeline.shape == (max(1, int(np.ceil(seconds / hop - 1e-9))), 4)
    assert song.seconds == pytest.approx(seconds)
    assert ((song.timeline >= 0) & (song.timeline <= 1)).all()
    assert all(0 <= start < end <= song.seconds + 1e-9 for start, end, _ in song.sections)


def test_nothing_plays_during_silence(predictor, tmp_path):
    song = predictor.listen(write_song(tmp_path / "a.wav", 1, 1, 0.001, 0.001, 0.001, 1, 1))
    assert (song.timeline[5:9] == 0).all()
    assert (song.timeline[[0, 1, 2, 11, 12, 13]] > 0).all()
    drums = [section[:2] for section in song.sections if section[2] == "drums"]  # its threshold is 0
    assert drums == [pytest.approx((0, 2.1), abs=0.15), pytest.approx((4.9, 7), abs=0.15)]


def test_sections_are_at_the_time_of_their_window(predictor, tmp_path, monkeypatch):
    predict_windows = predictor.engine.predict

    def active_if_loud(waveforms):
        output, is_loud = predict_windows(waveforms), np.abs(waveforms).max(axis=1) > 0.3
        return replace(output, activity=np.where(is_loud[:, None, None], 9, -9) * np.ones_like(output.activity))

    monkeypatch.setattr(predictor.engine, "predict", active_if_loud)
    monkeypatch.setattr(predictor.engine, "predict_activity", lambda windows: active_where_loud(windows, 4))
    song = predictor.listen(write_song(tmp_path / "a.wav", 0.5, 0.5, 1, 0.5), hop=0.25)
    assert [(round(start), round(end), name) for start, end, name in song.sections] == [
        (2, 3, name) for name in INSTRUMENTS
    ]
    assert ((song.timeline > 0.5).all(axis=1) == np.repeat([False, False, True, False], 4)).all()


def active_where_loud(windows, frames):
    is_loud = np.abs(windows.reshape(len(windows), frames, -1)).max(axis=2) > 0.3
    return np.where(is_loud[:, :, None], 9, -9) * np.ones(len(INSTRUMENTS))


def test_the_timeline_does_not_jump_between_windows(predictor, tmp_path, monkeypatch):
    predict_windows = predictor.engine.predict
    across = np.zeros((1, round(2 * BORDER * predictor.audio.samples)), np.float32)
    shape = predictor.engine.predict_activity(across).shape

    def alternating(waveforms):
        output = predict_windows(waveforms)
        is_odd = np.abs(waveforms).max(axis=1) > 0.3
        return replace(output, activity=np.where(is_odd[:, None, None], 4, -4) * np.ones_like(output.activity))

    monkeypatch.setattr(predictor.engine, "predict", alternating)
    monkeypatch.setattr(predictor.engine, "predict_activity", lambda windows: np.zeros((len(windows), *shape[1:])))
    monkeypatch.setattr("timbre.songs.predictor.song_bias", lambda *_: np.zeros(4, np.float32))
    song = predictor.listen(write_song(tmp_path / "a.wav", 0.5, 1, 0.5, 1), hop=0.05)
    logits = np.log(song.timeline / (1 - song.timeline))[:, 0]
    steepest = 4 / BORDER * 0.05  # per step of 0.05 s in windows of 1 s; without blending, a step would be 8
    assert np.abs(np.diff(logits)).max() < 1.1 * steepest < 2
    assert logits[[19, 20, 39, 40, 59, 60]] == pytest.approx(0, abs=1.1 * steepest)
    assert logits[[0, 10, 30, 50, 70, 79]] == pytest.approx([-4, -4, 4, -4, 4, 4], abs=1e-3)


def test_silent_frames_do_not_count_for_a_song(predictor, tmp_path, monkeypatch):
    predict_windows = predictor.engine.predict

    def present_at_first(waveforms):
        output = predict_windows(waveforms)
        frames = np.full_like(output.frames, -4)
        frames[:, : round(0.2 * frames.shape[1])] = 4  # half of the audible frames, a fifth of all
        return replace(output, layered=np.zeros_like(output.layered), frames=frames)

    monkeypatch.setattr(predictor.engine, "predict", present_at_first)
    monkeypatch.setattr("timbre.songs.predictor.joint_logits", lambda layered, *_: layered)
    sound = np.random.default_rng(0).normal(0, 0.1, (3, 16000)) * (np.arange(16000) < 6400)
    soundfile.write(tmp_path / "a.wav", sound.ravel(), 16000, subtype="FLOAT")
    song = predictor.listen(tmp_path / "a.wav")
    assert list(song.layered.values()) == pytest.approx([1 / (1 + np.exp(-2))] * 4, abs=1e-3)


def test_an_instrument_in_a_third_of_a_song_is_present_and_one_in_a_single_window_is_not():
    windows = np.full((12, 4), -6.0, np.float32)
    windows[:4, 0] = 6  # guitar in a third of the windows
    windows[5, 2] = 6  # violin in one
    guitar, _, violin, _ = song_logits(windows, np.repeat(windows, 20, axis=0))
    assert (guitar, violin) == (6, -6)
    windows[:, 3] = 2
    frames = np.repeat(windows, 20, axis=0)
    frames[::2, 3] = -6  # a piano in each window, and in half of the frames
    assert song_logits(windows, frames)[3] == 2
    frames[::5, 3] = frames[1::5, 3] = frames[2::5, 3] = frames[3::5, 3] = -6
    assert song_logits(windows, frames)[3] == -2  # in few frames: the mean
    assert song_logits(windows[:1], frames)[3] == 2  # a single window counts alone


def test_all_three_models_decide_what_is_present():
    thresholds, limit = np.full(4, 0.3), np.log(0.3 / 0.7)
    undecided, even = np.full(4, TIMELINE_LIMIT), np.full(4, 0.25)
    assert joint_logits(np.full(4, limit), thresholds, undecided, even) == pytest.approx(limit)
    layered = limit + np.array([1, 1, -1, -1])
    by_timeline = joint_logits(layered, thresholds, np.array([2, -2, 2, -2]), even)
    assert (by_timeline > limit).tolist() == [True, False, True, False]
    by_single = joint_logits(np.full(4, limit), thresholds, undecided, np.array([0.97, 0.01, 0.01, 0.01]))
    assert (by_single > limit).tolist() == [True, False, False, False]
    assert joint_logits(layered, thresholds, undecided, np.empty(0)) == pytest.approx((layered + limit) / 2)
    extremes = np.array([0, 1, 0, 1])
    assert np.isfinite(joint_logits(layered, extremes, undecided, 1 - extremes)).all()


def test_an_instrument_in_a_third_of_a_timeline_counts_as_one_in_all_of_it():
    timeline = np.full((90, 3), -20.0)
    timeline[:30, 0] = timeline[:, 1] = 3
    assert song_activity(timeline) == pytest.approx([3, 3, -9.21], abs=0.01)


def test_alone_is_named_only_if_the_models_agree(predictor, tmp_path):
    song = predictor.listen(write_song(tmp_path / "a.wav", 1, 1))
    for present, single, alone in [
        (["violin"], "violin", "violin"),
        (["violin"], "piano", ""),
        (["violin", "piano"], "violin", ""),
        ([], "violin", ""),
    ]:
        assert replace(song, present=present, instrument=single).alone == alone


@pytest.mark.parametrize("samples", [1, 300, 3000])
def test_the_error_for_a_song_that_is_too_short_has_its_length(predictor, tmp_path, samples):
    soundfile.write(tmp_path / "a.wav", tone(440, 1, 16000)[-samples:], 16000)
    with pytest.raises(AudioError, match=rf"is too short to tell \({samples / 16000:.2f} s\)"):
        predictor.listen(tmp_path / "a.wav")


@pytest.mark.parametrize("height", [1, 300])
def test_a_click_does_not_change_the_prediction(predictor, tmp_path, height):
    sound = 0.01 * np.random.default_rng(0).normal(0, 0.1, 16 * 16000)
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    clean = predictor.listen(tmp_path / "a.wav")
    sound[40_000:40_100] = height
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    with_click = predictor.listen(tmp_path / "a.wav")
    assert (with_click.timeline > 0).all()
    assert with_click.layered == pytest.approx(clean.layered, abs=0.02)


def test_events_are_runs_and_short_pauses_are_closed():
    plays = np.array([1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert find_events(plays, 2) == [(0, 4), (7, 8)]
    assert find_events(plays, 0) == [(0, 2), (3, 4), (7, 8)]
    assert find_events(~plays, 9) == [(2, 7)]
    assert find_events(np.zeros(3, bool), 2) == []


def logits_of(*values):
    """Return logits of one instrument, one per tenth of a second."""
    return np.array(values, np.float32)[:, None]


def sections(logits, is_audible=True):
    is_audible = np.broadcast_to(is_audible, len(logits))
    return [section[:2] for section in sections_of(logits, is_audible, len(logits) / 10, ["cello"])]


def test_a_short_doubt_does_not_split_a_section_and_a_short_guess_makes_none():
    doubt = logits_of(*[-5] * 5, *[3] * 10, *[-1] * 15, *[3] * 10, *[-5] * 5)
    assert sections(doubt) == [pytest.approx((0.5, 4.0))]
    assert sections(logits_of(*[-5] * 5, *[2] * 10, *[-5] * 5)) == []
    assert sections(logits_of(*[-5] * 5, *[0.5] * 3, *[3] * 12, *[-5] * 19)) == [pytest.approx((0.5, 2.0))]


def test_a_section_ends_at_silence_and_at_the_end_of_the_song():
    is_audible = np.repeat([True, False, True], [10, 12, 8])
    assert sections(logits_of(*[3] * 30), is_audible) == [pytest.approx((0, 1)), pytest.approx((2.2, 3))]
    assert sections_of(logits_of(*[3] * 30), is_audible, 2.97, ["cello"])[-1][1] == 2.97


def test_jsonl_and_csv_have_the_timeline(models, tmp_path):
    path = write_song(tmp_path / "a, b.wav", 1, 1, 1)
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


def test_pictures_and_label_tracks_written_next_to_songs_do_not_replace_them(models, tmp_path):
    album = tmp_path / "album"
    for name in ("cd1/a.wav", "cd2/a.wav"):
        (album / name).parent.mkdir(parents=True)
        write_song(album / name, 1, 1)
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


def test_an_output_that_cannot_be_written_gives_one_line_and_exit_status_1(models, tmp_path):
    path = write_song(tmp_path / "a.wav", 1)
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


def test_python_gives_the_same_prediction_as_the_command(models, tmp_path):
    path = write_song(tmp_path / "a.wav", 1, 1)
    song = timbre.listen(path, models=models)
    line = json.loads(predict(path, "--models", models, "--format", "jsonl").stdout)
    values = song.instrument, song.single, song.alone, song.present, song.layered, song.shares
    assert values == tuple(line.values())[1:7]
    assert song.probabilities.tolist() == list(song.layered.values())


@pytest.mark.parametrize("change", [{"thresholds": (0.5,)}, {"task": "single"}, {"instruments": ("a", "b", "c", "d")}])
def test_a_model_file_with_a_wrong_description_is_refused(models, tiny, change):
    written = {"task": "layered", "audio": tiny.audio, "mel": tiny.mel, "model": tiny.model, "thresholds": (0.5,) * 4}
    description = ModelConfig.model_construct(**{**written, **change})
    save_model(models / "layered.safetensors", TimbreNet(tiny.model, 4), description, torch.zeros(1))
    with pytest.raises(DataError, match=r"not a .*model"):
        Predictor(models)


def test_help_imports_no_heavy_library():
    code = "import sys, timbre.cli; print([name for name in ('torch', 'librosa', 'matplotlib') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"[]"
