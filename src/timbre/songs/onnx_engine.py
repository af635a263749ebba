"""The engine that runs the file of `timbre export` with ONNX Runtime; it needs no PyTorch."""

import json
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.params import Audio, Mel
from timbre.songs.engine import WindowOutput
from timbre.songs.timeline import log_odds

ONNX_FILE = "timbre.onnx"  # name of the file in a folder of models
MARGIN = 1e-7  # probabilities are kept this far from 0 and 1, so that their logits are finite


class OnnxEngine:
    """The models of one folder, run by ONNX Runtime. See `Engine`.

    Raises:
        DataError: The folder has no ONNX file, or it cannot be read.
    """

    has_single = True

    def __init__(self, models: Path) -> None:
        import onnxruntime

        path = models / ONNX_FILE
        if not path.is_file():
            raise DataError(f"{path}: no such model; create it where PyTorch is installed: timbre export --onnx {path}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # several windows at once are faster than one window in several threads
        options.enable_cpu_mem_arena = False  # the arena would grow with each new input size
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            properties = self.session.get_modelmeta().custom_metadata_map
            self.audio = Audio.model_validate_json(properties["audio"])
            self.mel = Mel.model_validate_json(properties["mel"])
            self.instruments = tuple(json.loads(properties["instruments"]))
            self.thresholds = tuple(json.loads(properties["thresholds"]))
            sure = json.loads(properties.get("sure", "{}"))
            self.sure = {name: (lower, upper) for name, (lower, upper) in sure.items()}
            self.little_tested = tuple(json.loads(properties.get("little_tested", "[]")))
            self.adapted = json.loads(properties.get("adapted", '""'))
            self.step = float(properties["step"])
        except Exception as error:  # ONNX Runtime has exception types of its own
            raise DataError(f"{path}: not a Timbre model, or damaged; export it again") from error

    def predict(self, waveforms: np.ndarray) -> WindowOutput:
        """Run the models on windows, float32 `[windows, samples]`, full scale at 1."""
        single, layered, frames, activity, mels = self.session.run(
            ["single", "layered", "cells", "timeline", "mels"], {"waveforms": waveforms}
        )
        columns = waveforms.shape[1] // self.mel.hop_length
        power = 10 ** (mels[:, :, :columns] / 10)
        tiny = np.finfo(np.float32).tiny
        return WindowOutput(
            single=np.log(np.maximum(single, tiny)),
            layered=_logits(layered),
            frames=_logits(frames),
            activity=_logits(activity),
            power=np.concatenate(list(power), axis=1),
        )

    def predict_activity(self, waveforms: np.ndarray) -> np.ndarray:
        """Return only `WindowOutput.activity` for windows, which may be shorter than those of `audio`."""
        return _logits(self.session.run(["timeline"], {"waveforms": waveforms})[0])


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return log_odds(probabilities.clip(MARGIN, 1 - MARGIN))
