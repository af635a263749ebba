"""Predictions by ONNX Runtime, without PyTorch, compared with those by PyTorch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import tone

from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.songs.onnx_engine import ONNX_FILE, OnnxEngine
from timbre.songs.predictor import Predictor

HEAVY = {"torch", "librosa", "scipy", "sklearn", "dvc", "lightning_fabric", "matplotlib"}
RUN_WITHOUT = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1].split(","))
from timbre.cli import app
try:
    app(sys.argv[2:])
finally:
    print(*{name.partition(".")[0] for name, module in sys.modules.items() if module}, file=sys.stderr)
"""


def melody(path: Path, seconds: float, rate: int) -> Path:
    random = np.random.default_rng(1)
    notes = [tone(hertz, 0.5, rate) * np.exp(-np.arange(rate // 2) / 5000) for hertz in random.uniform(100, 900, 64)]
    sound = np.concatenate(notes)[: round(seconds * rate)] + random.normal(0, 0.003, round(seconds * rate))
    soundfile.write(path, sound.astype(np.float32), rate)
    return path


@pytest.mark.parametrize("seconds", [0.9, 13.7])
def test_both_engines_give_the_same_song(tmp_path, seconds):
    path = melody(tmp_path / "a.wav", seconds, 22050)
    predictor = Predictor(RELEASED)
    by_torch = predictor.listen(path, 0.1)
    predictor.engine = OnnxEngine(RELEASED)
    by_onnx = predictor.listen(path, 0.1)
    assert by_onnx.single == pytest.approx(by_torch.single, abs=1e-4)
    assert by_onnx.layered == pytest.approx(by_torch.layered, abs=1e-4)
    np.testing.assert_allclose(by_onnx.timeline, by_torch.timeline, atol=1e-4)
    assert by_onnx.sections == by_torch.sections
    np.testing.assert_allclose(by_onnx.spectrogram, by_torch.spectrogram, atol=0.1)


@pytest.mark.parametrize("missing", ["torch", "safetensors", "torch,safetensors"])
def test_predict_needs_only_the_base_packages(tmp_path, missing):
    path = melody(tmp_path / "a.wav", 5, 22050)
    arguments = [missing, "predict", str(path), "--format", "jsonl", "--models", str(RELEASED)]
    done = subprocess.run([sys.executable, "-c", RUN_WITHOUT, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["layered"] == pytest.approx(Predictor(RELEASED).listen(path).layered, abs=1e-4)
    assert HEAVY.isdisjoint(done.stderr.splitlines()[-1].split())


def test_own_models_without_an_onnx_file_name_the_missing_module(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(DataError, match=r"timbre\.onnx: no such model.*need PyTorch and safetensors \(.*safetensors"):
        Predictor(models)


def test_predict_works_without_docstrings_and_asserts(tmp_path):
    arguments = ["predict", str(melody(tmp_path / "a.wav", 1, 22050)), "--models", str(RELEASED)]
    code = "from timbre.cli import app; import sys; app(['--help'], standalone_mode=False); app(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-OO", "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout and "layered" in done.stdout


@pytest.mark.parametrize(
    ("missing", "command", "message"),
    [
        ("torch", ["compare", "HEAD"], "this needs torch, not installed; pip install -e '.[pipeline]'"),
        ("jams", ["predict", "a.wav", "--jams", "a"], "--jams needs jams, not installed; pip install -e '.[jams]'"),
        ("mutagen", ["tag", "a.wav"], "tag needs mutagen, not installed; pip install -e '.[tags]'"),
        ("uvicorn", ["serve"], "serve needs uvicorn, not installed; pip install -e '.[serve]'"),
        ("onnx", ["export", "--onnx", "a"], "export needs onnx, not installed; pip install -e '.[onnx]'"),
    ],
)
def test_a_missing_extra_is_named_in_one_line(missing, command, message):
    code = f"import sys; sys.modules['{missing}'] = None; from timbre.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"timbre: {message} in a clone of Timbre\n"


def test_a_missing_or_damaged_model_is_named(tmp_path):
    with pytest.raises(
        DataError, match=rf"^{tmp_path}/{ONNX_FILE}: no such model; create it where PyTorch is installed: timbre exp"
    ):
        OnnxEngine(tmp_path)
    (tmp_path / ONNX_FILE).write_bytes(b"no model")
    with pytest.raises(DataError, match=rf"^{tmp_path}/{ONNX_FILE}: not a Timbre model"):
        OnnxEngine(tmp_path)
