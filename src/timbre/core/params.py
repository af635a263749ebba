"""Reads params.yaml: converts each value to its type, and refuses unknown keys and impossible values.

Every message names the key.
"""

from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from timbre.core.errors import ParamsError
from timbre.core.instruments import NUMBER, check_names
from timbre.core.param_errors import explain
from timbre.core.yaml_file import read_yaml


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}")
    return value


def _auto_or_share(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        raise ValueError("must be auto or a number above 0 and below 1") from None


def _one_or_several(value: Any) -> Any:
    """Return the names of sources as a list, in the order of `SOURCES`."""
    names = value if isinstance(value, list) else [value]
    can_be_combined = all(name in COMBINABLE for name in names) and 1 < len(names) == len({*names})
    if not can_be_combined and not (len(names) == 1 and names[0] in SOURCES):
        raise ValueError(f"must be one of {', '.join(SOURCES)}, or a list of some of [{', '.join(COMBINABLE)}]")
    return sorted(names, key=SOURCES.index)


def _instruments(value: Any) -> Any:
    """Return checked names of instruments."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of names, such as [guitar, piano]")
    return check_names(value)


COMBINABLE = ("soundfont", "recordings", "folder")  # sources that a list of sources may contain
SOURCES = (*COMBINABLE, "kaggle")
OWN_PATHS = {  # paths of the user's own files, and their defaults: empty folders, which mean that there are none
    "data.folder": "data/own/dataset",
    "data.recordings.folder": "data/own/recordings",
    "soundfont.file": "data/own/soundfont",
    "songs.path": "data/own/songs",
}

Int = Annotated[int, BeforeValidator(_refuse_bool)]
Float = Annotated[float, BeforeValidator(_refuse_bool), Field(allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Instruments = Annotated[tuple[str, ...], BeforeValidator(_instruments)]
Sources = Annotated[tuple[str, ...], BeforeValidator(_one_or_several)]
Threshold = Annotated[Literal["auto"] | Annotated[Float, Field(gt=0, lt=1)], WrapValidator(_auto_or_share)]


class Section(BaseModel):
    """A section of params.yaml. It cannot be changed, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kaggle(Section):
    """The data set on Kaggle and its version."""

    handle: str = Field(pattern=r"^[\w-]+/[\w-]+$")
    version: Int = Field(ge=1)


class Recordings(Section):
    """A folder of recordings with a labels.csv, and the weight of each recording in training."""

    folder: str
    weight: Int = Field(ge=1, le=100)


class Data(Section):
    """The sources of recordings."""

    source: Sources
    folder: str
    recordings: Recordings
    seed: Int = Field(ge=0)
    kaggle: Kaggle


class Soundfont(Section):
    """Rendered phrases: sound fonts, number, length and sample rate."""

    file: str = ""
    more: tuple[str, ...] = ()
    clips: Int = Field(ge=40)
    others: Int = Field(ge=0)
    seconds: Float = Field(ge=1, le=60)
    sample_rate: Int = Field(ge=8000, le=48000)


class Splits(Section):
    """How clips are split into train, validation and test."""

    by: Literal["recording", "file"]
    validation: Float = Field(gt=0, lt=1)
    keep_test_groups: bool


class Audio(Section):
    """The sample rate and window length of all audio."""

    sample_rate: Int = Field(ge=4000, le=192000)
    window: Float = Field(ge=0.5, le=60)

    @property
    def samples(self) -> int:
        """The length of a window in samples."""
        return round(self.window * self.sample_rate)


class Mel(Section):
    """The mel spectrogram: sizes in samples, frequencies in Hz."""

    n_fft: Int = Field(ge=64, le=16384)
    hop_length: Int = Field(ge=16)
    n_mels: Int = Field(ge=8, le=512)
    fmin: Float = Field(ge=0)
    fmax: Float = Field(gt=0)

    @model_validator(mode="after")
    def _check(self) -> "Mel":
        if self.n_fft % 2:
            raise ValueError("n_fft must be even")
        if self.fmin >= self.fmax:
            raise ValueError("fmin must be below fmax")
        return self


class Mixtures(Section):
    """Mixtures: how many in each split, the number of instruments, their levels and start times."""

    train: Int = Field(ge=1)
    validation: Int = Field(ge=1)
    test: Int = Field(ge=1)
    min_instruments: Int = Field(ge=1, le=NUMBER[-1])
    max_instruments: Int = Field(ge=1, le=NUMBER[-1])
    train_instruments: Int = Field(ge=1, le=NUMBER[-1])
    gain_db: Float = Field(ge=0, le=60)
    offset: Float = Field(ge=0)
    fresh: Int = Field(ge=0)
    playing: Share
    others: Share
    accompanying: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Mixtures":
        if self.min_instruments > self.max_instruments:
            raise ValueError("min_instruments must not exceed max_instruments")
        if self.min_instruments > self.train_instruments:
            raise ValueError("min_instruments must not exceed train_instruments")
        return self


class Model(Section):
    """The shape of the convolutional network."""

    channels: Int = Field(ge=1, le=1024)
    blocks: Int = Field(ge=1, le=6)
    hidden: Int = Field(ge=0, le=4096)
    dropout: Float = Field(ge=0, lt=1)


class Augment(Section):
    """Augmentation: levels in dB, and for each effect the fraction of clips that get it."""

    crop: Float = Field(gt=0)
    shorten: Share
    equaliser_db: Float = Field(ge=0, le=60)
    reverb: Share
    compress: Share
    noise: Share
    low_pass: Share
    mask: Share


class Calibration(Section):
    """The mixtures that calibrate the layered model: their number, and how often each instrument plays."""

    mixtures: Int = Field(ge=0)
    playing: Float = Field(gt=0, lt=1)


class Timeline(Section):
    """Synthetic songs that train and evaluate timelines: their number in each split, and their length."""

    songs: Int = Field(ge=1)
    seconds: Float = Field(ge=5, le=600)
    train: Int = Field(ge=1)
    validation: Int = Field(ge=1)


class Songs(Section):
    """Your songs, which the evaluate stage runs the models on."""

    path: str


class Compute(Section):
    """Where and how the work is done. No result depends on it, and no stage."""

    workers: Int = Field(0, ge=0)
    scheduler: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    devices: Int = Field(1, ge=1)
    nodes: Int = Field(1, ge=1)
    threads: Int = Field(2, ge=1)


class Params(Section):
    """All of params.yaml."""

    instruments: Instruments
    seed: Int = Field(ge=0)
    epochs: Int = Field(ge=1)
    repeats: Float = Field(gt=0, le=1000)
    music: Share
    batch_size: Int = Field(ge=2)
    optimizer: Literal["muon", "adamw"]
    learning_rate: Float = Field(gt=0)
    start: str
    transfer: Float = Field(ge=0, le=1)
    mask_loss: Float = Field(ge=0)
    frame_loss: Float = Field(ge=0)
    threshold: Threshold
    data: Data
    soundfont: Soundfont
    splits: Splits
    audio: Audio
    mel: Mel
    mixtures: Mixtures
    model: Model
    augment: Augment
    calibration: Calibration
    timeline: Timeline
    songs: Songs
    compute: Compute

    @model_validator(mode="after")
    def _check(self) -> "Params":
        if self.mel.fmax > self.audio.sample_rate / 2:
            raise ValueError(f"mel.fmax must not exceed half of audio.sample_rate ({self.audio.sample_rate / 2:g})")
        if self.mixtures.offset >= self.audio.window:
            raise ValueError(f"mixtures.offset must be below audio.window ({self.audio.window:g})")
        if self.augment.crop > self.audio.window:
            raise ValueError(f"augment.crop must not exceed audio.window ({self.audio.window:g})")
        if unknown := [name for name in self.mixtures.accompanying if name not in self.instruments]:
            raise ValueError(f"mixtures.accompanying: instruments does not list {unknown[0]}; add it there")
        if {*self.mixtures.accompanying} == {*self.instruments}:
            raise ValueError("mixtures.accompanying must leave out at least one of the instruments")
        for key, default in OWN_PATHS.items():
            if not reduce(getattr, key.split("."), self):
                raise ValueError(f"{key} must not be empty, because DVC reads it; write {default} if you have none")
        return self


def load_params(path: Path | str = "params.yaml") -> Params:
    """Return the checked params of a file.

    Raises:
        ParamsError: The file is missing or is not YAML, or a key is unknown, missing or has an impossible value.
    """
    values = read_yaml(Path(path))
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{path}: " + "; ".join(explain(item, Params) for item in error.errors())) from None
