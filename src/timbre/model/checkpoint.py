"""Model files: weights without pickle, with everything that prediction needs besides them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
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
KEY = "timbre"  # one key only: safetensors writes several in random order
OPTIONAL = ("sure", "little_tested", "adapted")  # left out of the file if empty
UNTRAINED = b"not trained: no clip is of one instrument alone\n"  # content of a placeholder
# Only a hundredth of the mel filters' entries are not 0: their band and bin, and their values.
FILTER_INDEX, FILTER_VALUES = "mel.filters.places", "mel.filters.values"

Network = TypeVar("Network", bound=nn.Module)
Probability = Annotated[float, Field(ge=0, le=1)]


class ModelConfig(BaseModel):
    """Description of a model: what it recognises, and how to prepare its input.

    Attributes:
        task: single, layered or timeline.
        audio: Sample rate and window.
        mel: Mel spectrogram.
        model: Shape of the network.
        thresholds: Probability from which each instrument counts as present. Layered models only.
        instruments: Names, in label order.
        follows: Fingerprint of the layered network that a timeline network needs. Timeline models only.
        sure: For each instrument, the probability below which it is surely absent and the one from which it is surely
            present. None: never sure. Empty: not measured. Layered models only.
        little_tested: Instruments with too few tests, which are shown only on request. Layered models only.
        adapted: The songs that the model was adapted to, such as "20 songs of album". Empty: none. Layered models only.
        format: Version of the file format.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["single", "layered", "timeline"]
    audio: Audio
    mel: Mel
    model: Model
    thresholds: tuple[float, ...] = ()
    instruments: tuple[str, ...]
    follows: str = ""
    sure: dict[str, tuple[Probability | None, Probability | None]] = {}
    little_tested: tuple[str, ...] = ()
    adapted: str = ""
    format: int = FORMAT

    @model_validator(mode="after")
    def _check(self) -> "ModelConfig":
        check_names(self.instruments)
        if len(self.thresholds) != (len(self.instruments) if self.task == "layered" else 0):
            raise ValueError("a layered model needs one threshold per instrument, other models have none")
        if self.sure and {*self.sure} != {*self.instruments}:
            raise ValueError("sure needs bounds for each instrument")
        if not {*self.little_tested} <= {*self.instruments}:
            raise ValueError("little_tested names an unknown instrument")
        return self


@dataclass(frozen=True)
class TrainedModel(Generic[Network]):
    """A network in evaluation mode, its description, and the mel filters of its training, `[bands, bins]`."""

    network: Network
    description: ModelConfig
    filters: Tensor


def save_model(path: Path, network: nn.Module, description: ModelConfig, filters: Tensor) -> None:
    """Write weights, description and mel filters as one safetensors file. The same content gives the same bytes."""
    index = filters.nonzero()
    tensors = {**network.state_dict(), FILTER_INDEX: index.short(), FILTER_VALUES: filters[*index.T]}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    empty = {name for name in OPTIONAL if not getattr(description, name)}
    save_file(contiguous, path, metadata={KEY: description.model_dump_json(exclude=empty)})


def fingerprint(network: TimbreNet) -> str:
    """Return a short hash that identifies a layered network. Saving it as 16-bit floats does not change the hash."""
    first = next(network.parameters()).detach().half().contiguous()
    return hashlib.sha256(first.numpy().tobytes()).hexdigest()[:16]


def save_untrained(path: Path) -> None:
    """Write a placeholder for a model that had no clips to train on."""
    with fresh_file(path) as file:
        file.write_bytes(UNTRAINED)


def is_untrained(path: Path) -> bool:
    """Return whether a model file is the placeholder of a task that had no clips to train on."""
    return path.is_file() and path.stat().st_size == len(UNTRAINED) and path.read_bytes() == UNTRAINED


def load_model(path: Path) -> TrainedModel[TimbreNet]:
    """Read a single or layered model. Weights become float32, also if the file has 16-bit floats.

    Raises:
        DataError: The file is missing, untrained or damaged, is no Timbre model, or has another format.
    """
    return _load(path, TimbreNet)


def load_timeline(path: Path) -> TrainedModel[TimelineNet]:
    """Read a timeline model. See `load_model`."""
    return _load(path, TimelineNet)


def _load(path: Path, make: Callable[[Model, int], Network]) -> TrainedModel[Network]:
    """Read a model file into the network that `make(shape, number of instruments)` returns."""
    if is_untrained(path):
        raise DataError(f"{path}: not trained, because the data set had no clips of one instrument alone; add some")
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {})[KEY])
            if values["format"] != FORMAT:
                raise DataError(f"{path}: model format {values['format']}, not {FORMAT}; train it again: dvc repro")
            description = ModelConfig.model_validate(values)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        filters = torch.zeros(description.mel.n_mels, description.mel.n_fft // 2 + 1)
        filters[*tensors.pop(FILTER_INDEX).long().T] = tensors.pop(FILTER_VALUES).float()
        if not filters.any(dim=1).all():
            raise ValueError("a band has no filter")
        network = make(description.model, len(description.instruments))
        network.load_state_dict(tensors)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such model; train it with dvc repro") from error
    except (SafetensorError, ValidationError, LookupError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{path}: not a Timbre model, or damaged; train it again: dvc repro") from error
    if not all(bool(tensor.isfinite().all()) for tensor in (filters, *tensors.values())):
        raise DataError(f"{path}: has weights that are not finite; train it again: dvc repro")
    return TrainedModel(network.eval(), description, filters)
