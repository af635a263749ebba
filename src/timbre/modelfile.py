"""Model files: weights without pickle, and beside them all that is needed to listen with them."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from timbre.errors import DataError
from timbre.instruments import INSTRUMENTS
from timbre.model import Listener
from timbre.params import Audio, Mel, Model

FORMAT = 1
KEY = "timbre"


class Description(BaseModel):
    """What a model hears and how sound is brought to it.

    `thresholds` are the probabilities from which each instrument counts as present; a single model has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    audio: Audio
    mel: Mel
    model: Model
    thresholds: tuple[float, ...] = ()
    instruments: tuple[str, ...] = INSTRUMENTS
    format: int = FORMAT


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode and its description."""

    network: Listener
    description: Description


def save_model(path: Path, weights: dict[str, Tensor], description: Description) -> None:
    """Write weights and description as one safetensors file, the same bytes for the same content."""
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    save_file(tensors, path, metadata={KEY: description.model_dump_json()})


def load_model(path: Path) -> Trained:
    """Read what `save_model` wrote.

    Raises:
        DataError: the file is missing, damaged, no model of Timbre's, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {})[KEY])
            if values.get("format") != FORMAT:
                raise DataError(f"{path}: model format {values.get('format')}, not {FORMAT}; train it again: dvc repro")
            description = Description.model_validate(values)
            network = Listener(description.model)
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such model; train it with dvc repro") from error
    except (SafetensorError, ValidationError, KeyError, ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{path}: not a model of Timbre's, or damaged; train it again: dvc repro") from error
    return Trained(network.eval(), description)
