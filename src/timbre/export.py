"""Both models and the way to them as one ONNX file: waveforms in, probabilities out."""

import json
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

from timbre.audio.windows import BLOCKS_PER_SECOND, CREST, LOUDEST, SILENCE, STEADY
from timbre.core.errors import DataError
from timbre.core.extras import needs
from timbre.core.files import fresh_file
from timbre.features.mel import power_to_db, reference_to_peak
from timbre.songs.predictor import find_models
from timbre.songs.torch_engine import TorchEngine

OPSET = 18


class FromWaveform(nn.Module):
    """What `TorchEngine` does to one window of sound, in operations that ONNX has."""

    def __init__(self, engine: TorchEngine) -> None:
        super().__init__()
        assert engine.single and engine.timeline
        self.single, self.layered, self.timeline = engine.single.network, engine.layered.network, engine.timeline
        self.block = engine.audio.sample_rate // BLOCKS_PER_SECOND
        self.transform = engine.transform

    def forward(self, waveforms: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """What mono waveforms `[batch, samples]` hold.

        Returns:
            Probabilities `[batch, instruments]` of one alone and of several; those of several in each dense cell, and
            of playing in each step, `[batch, cells, instruments]`; log mels `[batch, bands, frames]`, dB, full scale at
            0.
        """
        power = avg_pool1d(waveforms.square()[:, None], self.block)[:, 0]
        loudest = power.topk(STEADY, dim=1).values.sqrt()
        level, bound = loudest[:, LOUDEST - 1 : LOUDEST], (CREST * loudest[:, -1:]).clamp_min(1)
        waveforms = torch.minimum(torch.maximum(waveforms, -bound), bound)
        peak = waveforms.abs().amax(dim=1, keepdim=True).clamp_min(SILENCE)
        power = torch.view_as_real(self.transform.spectrum(waveforms / peak)).square().sum(dim=-1)
        db = power_to_db(self.transform.filters @ power)
        mels = reference_to_peak(db)
        maps = self.layered.dense_features(mels)
        cells, moments = (net(maps).transpose(1, 2) for net in (self.layered.classify_frames, self.timeline))
        sounds = (level >= SILENCE).float()
        return (
            self.single(mels).softmax(dim=1) * sounds,
            self.layered.classify(maps[:, :, :: self.layered.density]).sigmoid() * sounds,
            cells.sigmoid() * sounds[:, :, None],
            moments.sigmoid() * sounds[:, :, None],
            db + 20 * peak.log10()[:, :, None],
        )


def export_onnx(models: Path | None, path: Path) -> None:
    """Write one ONNX file that hears windows of any length and answers as `timbre predict` answers a window.

    Input `waveforms`, float32 `[batch, samples]`, mono, at the models' rate; outputs `single` and `layered`,
    probabilities `[batch, instruments]`, `cells`, those of `layered` for each cell, and `timeline`, those of playing in
    each step from one cell to the next, `[batch, cells, instruments]`, all 0 of a window of silence, and `mels`, dB
    `[batch, bands, frames]`. Rate, window, instruments, thresholds and seconds of a step stand in its metadata.

    Raises:
        DataError: `path` is a folder, the packages are not installed, or a model is missing or damaged.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the file to write, such as {path / 'timbre.onnx'}")
    needs("export", "onnx", "onnx", "onnxscript")  # torch exports by both
    import onnx

    engine = TorchEngine(find_models() if models is None else models)
    if not engine.single or not engine.timeline:
        raise DataError("export: these models were taught by music alone; it wants one of one instrument alone as well")
    network = FromWaveform(engine).eval()
    least = max(engine.mel.n_fft, STEADY * network.block)
    example = torch.randn(2, engine.audio.samples, generator=torch.Generator().manual_seed(0))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what PyTorch's exporter will change one day
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
    assert program
    model = program.model_proto
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")  # which lines of which files it comes from, by this machine's paths
    about = {
        "sample_rate": str(engine.audio.sample_rate),
        "window": str(engine.audio.window),
        "step": str(engine.step),
        "instruments": json.dumps(engine.instruments),
        "thresholds": json.dumps(engine.thresholds),
        "audio": engine.audio.model_dump_json(),
        "mel": engine.mel.model_dump_json(),
    }
    onnx.helper.set_model_props(model, about)
    with fresh_file(path) as partial:
        onnx.save(model, partial)
