"""The ONNX file, compared with the networks that it was made from."""

import json

import numpy as np
import onnxruntime
import pytest
import soundfile
import torch
from helpers import INSTRUMENTS, tone
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError
from timbre.core.files import RELEASED, fresh_file
from timbre.export import export_onnx
from timbre.features.mel import power_to_db, reference_to_peak
from timbre.songs.onnx_engine import ONNX_FILE
from timbre.songs.predictor import Predictor


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Export the released models with the command."""
    path = tmp_path_factory.mktemp("onnx") / "timbre.onnx"
    result = CliRunner().invoke(app, ["export", "--onnx", str(path), "--models", str(RELEASED)])
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def session(exported):
    """Load the exported file."""
    return onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])


def test_onnxruntime_predicts_the_same_as_timbre(session, tmp_path, monkeypatch):
    monkeypatch.setattr("timbre.songs.predictor.joint_logits", lambda layered, *_: layered)
    predictor, random = Predictor(RELEASED), np.random.default_rng(0)
    engine = predictor.engine
    rate, samples = predictor.audio.sample_rate, predictor.audio.samples
    for _ in range(15):
        seconds = random.uniform(0.5, 1) * predictor.audio.window
        sound = tone(random.uniform(60, 4000), seconds, rate) * np.exp(-np.arange(round(seconds * rate)) / 9000)
        sound = (sound + random.normal(0, 0.02, len(sound))).astype(np.float32) * np.float32(random.uniform(0.1, 1))
        soundfile.write(tmp_path / "a.wav", sound, rate, subtype="FLOAT")
        song = predictor.listen(tmp_path / "a.wav")
        window = np.pad(sound, (0, samples - len(sound)))[None]
        single, layered, frames, timeline, mels = session.run(None, {"waveforms": window})
        np.testing.assert_allclose(single[0], list(song.single.values()), atol=1.5e-4)  # these are rounded to 1e-4
        np.testing.assert_allclose(layered[0], list(song.layered.values()), atol=1.5e-4)
        dense = engine.layered.network.density
        shape = 1, dense * 6 + 2, len(predictor.instruments)  # the last frames extend over the end
        assert timeline.shape == frames.shape == shape
        db = power_to_db(engine.transform(torch.from_numpy(window)))[0]
        loud = db > db.max() - 60
        np.testing.assert_allclose(mels[0][loud], db[loud], atol=0.1)
        probabilities = engine.layered.network.classify(
            engine.layered.network.dense_features(reference_to_peak(db[None]))[:, :, 4:5]
        ).sigmoid()
        np.testing.assert_allclose(frames[0, 4], probabilities[0].detach(), atol=1e-3)
        activity = engine.predict(window).activity
        np.testing.assert_allclose(timeline, 1 / (1 + np.exp(-activity)), atol=1e-3)


def test_errors_name_the_path_as_the_user_gave_it(tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path}: is a folder; name the file to write"):
        export_onnx(RELEASED, tmp_path)
    (tmp_path / "timbre.onnx").mkdir()
    with pytest.raises(OSError) as caught, fresh_file(tmp_path / "timbre.onnx") as partial:
        partial.touch()
    assert caught.value.filename == str(tmp_path / "timbre.onnx")
    with pytest.raises(OSError) as caught, fresh_file(tmp_path / f"{250 * 'a'}.onnx") as partial:
        partial.touch()
    assert caught.value.filename == str(tmp_path / f"{250 * 'a'}.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["timbre.onnx"]


def test_windows_may_be_of_any_number_and_length(session):
    for shape in ((1, 8000), (3, 200_000)):
        single, layered, frames, timeline, mels = session.run(
            None, {"waveforms": np.random.default_rng(1).normal(0, 1, shape).astype("f4")}
        )
        assert single.shape == layered.shape == (shape[0], 12)
        assert timeline.shape[::2] == frames.shape[::2] == (shape[0], 12)
        assert mels.shape == (shape[0], 128, 1 + shape[1] // 441)
        np.testing.assert_allclose(single.sum(axis=1), 1, rtol=1e-5)


def test_the_metadata_describes_input_and_output(session):
    properties = session.get_modelmeta().custom_metadata_map
    instruments = json.loads(properties["instruments"])
    assert (instruments[:4], len(instruments)) == (list(INSTRUMENTS), 12)
    assert len(json.loads(properties["thresholds"])) == 12
    assert (properties["sample_rate"], properties["window"], properties["step"]) == ("22050", "4.0", "0.16")


def test_the_file_has_no_path_of_the_machine_that_wrote_it(exported):
    for path in (exported, RELEASED / ONNX_FILE):
        content = path.read_bytes()
        assert b'File "' not in content and b"site-packages" not in content, path


def test_silence_gives_zeros_and_samples_above_full_scale_are_limited(session):
    sound = np.tile(tone(440, 4, 22050), (4, 1))
    sound[0], sound[1] = 0, sound[1] * 1e-4
    sound[3, 1000:1040] = 500
    single, layered, frames, timeline, _ = session.run(None, {"waveforms": sound})
    assert not frames[:2].any() and not timeline[:2].any()
    assert not single[:2].any()
    assert not layered[:2].any()
    assert single[2:].sum(axis=1) == pytest.approx([1, 1], abs=1e-4)
    limited = np.clip(sound[3:], -8 * 0.5 / 2**0.5, 8 * 0.5 / 2**0.5)
    np.testing.assert_allclose(layered[3:], session.run(None, {"waveforms": limited})[1], atol=0.01)
