"""Model files: weights without pickle, and beside them all that is needed to listen with them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from timbre.core.errors import DataError
from timbre.core.instruments import check_names
from timbre.core.params import Audio, Mel, Model
from timbre.model.network import TimbreNet

FORMAT = 3
KEY = "timbre"
UNTRAINED = b"not trained: no clip is of one instrument alone\n"  # in a model's place
PLACES, VALUES = "mel.filters.places", "mel.filters.values"  # of the filters that are not 0, a hundredth of them


class ModelConfig(BaseModel):
    """What a model hears and how sound is brought to it.

    `thresholds` are the probabilities from which each instrument counts as present; a single model has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["single", "layered"]
    audio: Audio
    mel: Mel
    model: Model
    thresholds: tuple[float, ...] = ()
    instruments: tuple[str, ...]
    format: int = FORMAT

    @model_validator(mode="after")
    def _check(self) -> "ModelConfig":
        check_names(self.instruments)
        if len(self.thresholds) != (len(self.instruments) if self.task == "layered" else 0):
            raise ValueError("a layered model has a threshold for each instrument, a single model none")
        return self


@dataclass(frozen=True)
class TrainedModel:
    """A network in evaluation mode, its description, and the mel filters it learnt with, `[bands, bins]`."""

    network: TimbreNet
    description: ModelConfig
    filters: Tensor


def save_model(path: Path, network: TimbreNet, description: ModelConfig, filters: Tensor) -> None:
    """Write weights, description and mel filters as one safetensors file, the same bytes for the same content."""
    places = filters.nonzero()
    tensors = {**network.state_dict(), PLACES: places.short(), VALUES: filters[*places.T]}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata={KEY: description.model_dump_json()})


def is_untrained(path: Path) -> bool:
    """Whether a model file says that there was nothing to learn its task from."""
    return path.is_file() and path.stat().st_size == len(UNTRAINED) and path.read_bytes() == UNTRAINED


def load_model(path: Path) -> TrainedModel:
    """Read what `save_model` wrote, weights as float32 whatever they were kept as.

    Raises:
        DataError: the file is missing, untrained, damaged, no model of Timbre's, or of another format.
    """
    if is_untrained(path):
        raise DataError(f"{path}: not trained, since its data set had no clip of one instrument alone; add some")
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {})[KEY])
            if values["format"] != FORMAT:
                raise DataError(f"{path}: model format {values['format']}, not {FORMAT}; train it again: dvc repro")
            description = ModelConfig.model_validate(values)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        filters = torch.zeros(description.mel.n_mels, description.mel.n_fft // 2 + 1)
        filters[*tensors.pop(PLACES).long().T] = tensors.pop(VALUES).float()
        if not filters.any(dim=1).all():
            raise ValueError("a band without a filter")
        network = TimbreNet(description.model, len(description.instruments))
        network.load_state_dict(tensors)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such model; train it with dvc repro") from error
    except (SafetensorError, ValidationError, LookupError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{path}: not a model of Timbre's, or damaged; train it again: dvc repro") from error
    if not all(bool(tensor.isfinite().all()) for tensor in (filters, *tensors.values())):
        raise DataError(f"{path}: holds weights that are not finite; train it again: dvc repro")
    return TrainedModel(network.eval(), description, filters)
