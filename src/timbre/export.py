"""Export the models as one ONNX file: waveforms in, probabilities out."""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

from timbre.audio.windows import BLOCKS_PER_SECOND, CREST, LOUDEST, SILENCE, STEADY
from timbre.core.errors import DataError
from timbre.core.extras import needs
from timbre.core.files import fresh_file
from timbre.features.mel import power_to_db, reference_to_peak
from timbre.model.checkpoint import OPTIONAL
from timbre.songs.predictor import find_models
from timbre.songs.torch_engine import TorchEngine

OPSET = 18
NO_SINGLE = "export: the models were trained on music alone; export also needs a single-label model"


class FromWaveform(nn.Module):
    """All that `TorchEngine` computes for a window, and the steps before it, in operations that ONNX has."""

    def __init__(self, engine: TorchEngine) -> None:
        super().__init__()
        if not engine.single or not engine.timeline:
            raise DataError(NO_SINGLE)
        self.single, self.layered, self.timeline = engine.single.network, engine.layered.network, engine.timeline
        self.block = engine.audio.sample_rate // BLOCKS_PER_SECOND
        self.transform = engine.transform

    def forward(self, waveforms: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Predict mono waveforms `[batch, samples]`.

        Returns:
            Single-label and multi-label probabilities `[batch, instruments]`; multi-label probabilities of each frame
            and probabilities that each instrument plays in it, `[batch, frames, instruments]`; log mel spectrograms
            `[batch, bands, columns]`, dB, full scale at 0.
        """
        power = avg_pool1d(waveforms.square()[:, None], self.block)[:, 0]
        loudest = power.topk(STEADY, dim=1).values.sqrt()
        level, bound = loudest[:, LOUDEST - 1 : LOUDEST], (CREST * loudest[:, -1:]).clamp_min(1)
        waveforms = torch.minimum(torch.maximum(waveforms, -bound), bound)
        peak = waveforms.abs().amax(dim=1, keepdim=True).clamp_min(SILENCE)
        power = torch.view_as_real(self.transform.spectrum(waveforms / peak)).square().sum(dim=-1)
        db = power_to_db(self.transform.filters @ power)
        mels = reference_to_peak(db)
        features = self.layered.dense_features(mels)
        frames, activity = (net(features).transpose(1, 2) for net in (self.layered.classify_frames, self.timeline))
        is_audible = (level >= SILENCE).float()
        return (
            self.single(mels).softmax(dim=1) * is_audible,
            self.layered.classify(features[:, :, :: self.layered.density]).sigmoid() * is_audible,
            frames.sigmoid() * is_audible[:, :, None],
            activity.sigmoid() * is_audible[:, :, None],
            db + 20 * peak.log10()[:, :, None],
        )


def export_onnx(models: Path | None, path: Path) -> None:
    """Write one ONNX file that predicts windows of any length as `timbre predict` does.

    The input `waveforms` is float32 `[batch, samples]`, mono, at the sample rate of the models. The outputs are

    - `single` and `layered`: single-label and multi-label probabilities `[batch, instruments]`,
    - `cells`: multi-label probabilities of each frame, `[batch, frames, instruments]`,
    - `timeline`: probabilities that each instrument plays from the start of a frame to the start of the next, same
      shape,
    - `mels`: log mel spectrograms in dB, `[batch, bands, columns]`.

    All probabilities are 0 for a silent window. The metadata has the sample rate, window, instruments, thresholds and
    seconds per frame. If the models have them, it also has bounds of sure answers, little tested instruments, and the
    songs that the models were adapted to.

    Args:
        models: Folder with the models. None: see `find_models`.
        path: The file to write.

    Raises:
        DataError: `path` is a folder, a package is not installed, or a model is missing or damaged.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the file to write, such as {path / 'timbre.onnx'}")
    needs("export", "onnx", "onnx", "onnxscript")  # PyTorch's exporter needs both
    import onnx

    engine = TorchEngine(find_models() if models is None else models)
    model = _onnx_model(engine)
    properties = {
        "sample_rate": str(engine.audio.sample_rate),
        "window": str(engine.audio.window),
        "step": str(engine.step),
        "instruments": json.dumps(engine.instruments),
        "thresholds": json.dumps(engine.thresholds),
        **{name: json.dumps(getattr(engine, name)) for name in OPTIONAL if getattr(engine, name)},
        "audio": engine.audio.model_dump_json(),
        "mel": engine.mel.model_dump_json(),
    }
    onnx.helper.set_model_props(model, properties)
    with fresh_file(path) as partial:
        onnx.save(model, partial)


def _onnx_model(engine: TorchEngine) -> Any:
    """Return the models of an engine as an ONNX `ModelProto`, without paths of this machine."""
    network = FromWaveform(engine).eval()
    least = max(engine.mel.n_fft, STEADY * network.block)
    example = torch.randn(2, engine.audio.samples, generator=torch.Generator().manual_seed(0))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations in PyTorch's exporter
        program = torch.onnx.export(
            network,
            (example,),
            input_names=["waveforms"],
            output_names=["single", "layered", "cells", "timeline", "mels"],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=least)},),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise DataError("export: PyTorch's exporter returned no program; update torch and onnxscript")
    model = program.model_proto
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")  # source lines with paths of this machine
    return model
