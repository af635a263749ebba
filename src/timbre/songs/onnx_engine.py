"""Windows heard by ONNX Runtime, from the file that `timbre export` writes: no PyTorch is needed."""

import json
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.params import Audio, Mel
from timbre.songs.engine import WindowOutput
from timbre.songs.timeline import log_odds

FILE = "timbre.onnx"  # in a folder of models
SUREST = 1e-7  # from 0 and 1, of a probability as a logit


class OnnxEngine:
    """See `Engine`.

    Raises:
        DataError: there is no such file in the folder, or it cannot be read.
    """

    has_single = True

    def __init__(self, models: Path) -> None:
        import onnxruntime

        path = models / FILE
        if not path.is_file():
            raise DataError(f"{path}: no such model; where PyTorch is installed, timbre export --onnx {path} makes it")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # windows side by side are faster than parts of one
        options.enable_cpu_mem_arena = False  # it would grow with each size that comes by
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            about = self.session.get_modelmeta().custom_metadata_map
            self.audio = Audio.model_validate_json(about["audio"])
            self.mel = Mel.model_validate_json(about["mel"])
            self.instruments = tuple(json.loads(about["instruments"]))
            self.thresholds = tuple(json.loads(about["thresholds"]))
            self.step = float(about["step"])
        except Exception as error:  # of ONNX Runtime's own kinds
            raise DataError(f"{path}: not a Timbre model, or damaged; export it again") from error

    def predict(self, waveforms: np.ndarray) -> WindowOutput:
        """Hear windows, float32 `[windows, samples]`, full scale at 1."""
        single, layered, cells, timeline, mels = self.session.run(
            ["single", "layered", "cells", "timeline", "mels"], {"waveforms": waveforms}
        )
        frames = waveforms.shape[1] // self.mel.hop_length
        power = 10 ** (mels[:, :, :frames] / 10)
        tiny = np.finfo(np.float32).tiny
        return WindowOutput(
            single=np.log(np.maximum(single, tiny)),
            layered=_logits(layered),
            frames=_logits(cells),
            activity=_logits(timeline),
            power=np.concatenate(list(power), axis=1),
        )


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return log_odds(probabilities.clip(SUREST, 1 - SUREST))
