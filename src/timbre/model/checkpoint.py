"""Model files: weights without pickle, and beside them all that is needed to listen with them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from timbre.core.errors import DataError
from timbre.core.files import fresh_file
from timbre.core.instruments import check_names
from timbre.core.params import Audio, Mel, Model
from timbre.model.network import TimbreNet
from timbre.model.timeline import TimelineNet

FORMAT = 3
KEY = "timbre"
UNTRAINED = b"not trained: no clip is of one instrument alone\n"  # in a model's place
PLACES, VALUES = "mel.filters.places", "mel.filters.values"  # of the filters that are not 0, a hundredth of them

Network = TypeVar("Network", bound=nn.Module)


class ModelConfig(BaseModel):
    """What a model hears and how sound is brought to it.

    `thresholds` are the probabilities from which each instrument counts as present; only a layered model has some. A
    timeline's model `follows` a layered one, whose `fingerprint` that is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["single", "layered", "timeline"]
    audio: Audio
    mel: Mel
    model: Model
    thresholds: tuple[float, ...] = ()
    instruments: tuple[str, ...]
    follows: str = ""
    format: int = FORMAT

    @model_validator(mode="after")
    def _check(self) -> "ModelConfig":
        check_names(self.instruments)
        if len(self.thresholds) != (len(self.instruments) if self.task == "layered" else 0):
            raise ValueError("a layered model has a threshold for each instrument, another none")
        return self


@dataclass(frozen=True)
class TrainedModel(Generic[Network]):
    """A network in evaluation mode, its description, and the mel filters it learnt with, `[bands, bins]`."""

    network: Network
    description: ModelConfig
    filters: Tensor


def save_model(path: Path, network: nn.Module, description: ModelConfig, filters: Tensor) -> None:
    """Write weights, description and mel filters as one safetensors file, the same bytes for the same content."""
    places = filters.nonzero()
    tensors = {**network.state_dict(), PLACES: places.short(), VALUES: filters[*places.T]}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata={KEY: description.model_dump_json()})


def fingerprint(network: TimbreNet) -> str:
    """What tells one layered network from another, also where it is kept as 16-bit floats."""
    first = next(network.parameters()).detach().half().contiguous()
    return hashlib.sha256(first.numpy().tobytes()).hexdigest()[:16]


def save_untrained(path: Path) -> None:
    """Write, in a model's place, that there was nothing to learn its task from."""
    with fresh_file(path) as file:
        file.write_bytes(UNTRAINED)


def is_untrained(path: Path) -> bool:
    """Whether a model file says that there was nothing to learn its task from."""
    return path.is_file() and path.stat().st_size == len(UNTRAINED) and path.read_bytes() == UNTRAINED


def load_model(path: Path) -> TrainedModel[TimbreNet]:
    """Read a single or layered model, weights as float32 whatever they were kept as.

    Raises:
        DataError: the file is missing, untrained, damaged, no model of Timbre's, or of another format.
    """
    return _load(path, TimbreNet)


def load_timeline(path: Path) -> TrainedModel[TimelineNet]:
    """Read the model of a timeline; see `load_model`."""
    return _load(path, TimelineNet)


def _load(path: Path, make: Callable[[Model, int], Network]) -> TrainedModel[Network]:
    """Read what `save_model` wrote into a network of a shape, for a number of instruments."""
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
        network = make(description.model, len(description.instruments))
        network.load_state_dict(tensors)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such model; train it with dvc repro") from error
    except (SafetensorError, ValidationError, LookupError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{path}: not a model of Timbre's, or damaged; train it again: dvc repro") from error
    if not all(bool(tensor.isfinite().all()) for tensor in (filters, *tensors.values())):
        raise DataError(f"{path}: holds weights that are not finite; train it again: dvc repro")
    return TrainedModel(network.eval(), description, filters)
