"""params.yaml, read in one place: types coerced, unknown keys refused, every message naming its key."""

from datetime import date
from difflib import get_close_matches
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
    """The names of sources as a list, in which Kaggle's stands alone."""
    names = value if isinstance(value, list) else [value]
    together = all(name in TOGETHER for name in names) and 1 < len(names) == len({*names})
    if not together and not (len(names) == 1 and names[0] in SOURCES):
        raise ValueError(f"must be one of {', '.join(SOURCES)}, or some of [{', '.join(TOGETHER)}]")
    return sorted(names, key=SOURCES.index)


def _listed(value: Any) -> Any:
    """Names of instruments, checked."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of names, such as [guitar, piano]")
    return check_names(value)


TOGETHER = ("soundfont", "recordings", "folder")  # sources that may stand beside others
SOURCES = (*TOGETHER, "kaggle")
Int = Annotated[int, BeforeValidator(_refuse_bool)]
Float = Annotated[float, BeforeValidator(_refuse_bool), Field(allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Instruments = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Sources = Annotated[tuple[str, ...], BeforeValidator(_one_or_several)]
Threshold = Annotated[Literal["auto"] | Annotated[Float, Field(gt=0, lt=1)], WrapValidator(_auto_or_share)]

_WORDS = {  # for what pydantic would say of its own types
    "model_type": "must be a section of keys",
    "string_type": 'must be text; put it in quotes ("" for none)',
    "string_pattern_mismatch": "must be of the form owner/name",
}


GONE = {
    "mixtures.none": "mixtures.playing is the probability that each instrument plays, so that at times none does",
    "shares": "it is called mask_loss now",
    "moments": "it is called frame_loss now",
}


class Section(BaseModel):
    """A part of params.yaml: fixed once read, and closed to keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kaggle(Section):
    """The data set on Kaggle, at the version it is pinned to."""

    handle: str = Field(pattern=r"^[\w-]+/[\w-]+$")
    version: Int = Field(ge=1)


class Recordings(Section):
    """Recordings with a labels.csv, and how many rendered clips each counts as in training."""

    folder: str
    weight: Int = Field(ge=1, le=100)


class Data(Section):
    """Where the recordings come from."""

    source: Sources
    folder: str
    recordings: Recordings
    seed: Int = Field(ge=0)
    kaggle: Kaggle


class Soundfont(Section):
    """How many phrases are rendered, by what, how long, and at which rate they are kept."""

    file: str = ""
    more: tuple[str, ...] = ()
    clips: Int = Field(ge=40)
    others: Int = Field(ge=0)
    seconds: Float = Field(ge=1, le=60)
    sample_rate: Int = Field(ge=8000, le=48000)


class Splits(Section):
    """How clips are divided into train, validation and test."""

    by: Literal["recording", "file"]
    validation: Float = Field(gt=0, lt=1)
    keep_test_groups: bool


class Audio(Section):
    """The one rate and window length that everything is brought to."""

    sample_rate: Int = Field(ge=4000, le=192000)
    window: Float = Field(ge=0.5, le=60)

    @property
    def samples(self) -> int:
        """Length of a window in samples."""
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
            raise ValueError("fmin must lie below fmax")
        return self


class Mixtures(Section):
    """The layered mixtures: how many per split, of how many instruments, how loud and how late each part."""

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
    """What training does to a mel: levels in dB, the rest the share of clips it is done to."""

    crop: Float = Field(gt=0)
    shorten: Share
    equaliser_db: Float = Field(ge=0, le=60)
    reverb: Share
    compress: Share
    noise: Share
    low_pass: Share
    mask: Share


class Calibration(Section):
    """The mixtures that probabilities and thresholds of layers are fitted to: how many, and who plays."""

    mixtures: Int = Field(ge=0)
    playing: Float = Field(gt=0, lt=1)


class Timeline(Section):
    """Songs of known truth: those that timelines are judged by, and those that they are learnt from."""

    songs: Int = Field(ge=1)
    seconds: Float = Field(ge=5, le=600)
    train: Int = Field(ge=1)
    validation: Int = Field(ge=1)


class Songs(Section):
    """Songs that evaluation hears with the trained models."""

    path: str


class Compute(Section):
    """Where and how the work is done; no stage depends on it."""

    workers: Int = Field(0, ge=0)
    scheduler: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    devices: Int = Field(1, ge=1)
    nodes: Int = Field(1, ge=1)
    threads: Int = Field(2, ge=1)


class Params(Section):
    """The whole of params.yaml."""

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
            raise ValueError(f"mixtures.offset must lie below audio.window ({self.audio.window:g})")
        if self.augment.crop > self.audio.window:
            raise ValueError(f"augment.crop must not exceed audio.window ({self.audio.window:g})")
        if "folder" in self.data.source and not self.data.folder:
            raise ValueError("data.folder must name a folder or zip when data.source is folder")
        if "recordings" in self.data.source and not self.data.recordings.folder:
            raise ValueError("data.recordings.folder must name a folder with a labels.csv for data.source recordings")
        return self


def load_params(path: Path | str = "params.yaml") -> Params:
    """Read a params file as DVC reads it, and check it.

    Raises:
        ParamsError: the file is missing, is no YAML, or holds an unknown, missing or impossible value.
    """
    values = _read_yaml(Path(path))
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{path}: " + "; ".join(_explain(item) for item in error.errors())) from None


def _read_yaml(path: Path) -> Any:
    """What a file holds, by the parser that DVC has: another would read `010`, `yes` or `1:30` as something else."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ParamsError(f"{path}:{line}: not UTF-8 text, as DVC wants it; save it as UTF-8") from error
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror}); run from the repository's root") from error
    except DuplicateKeyError as error:
        key = error.problem.split('"')[1]
        raise ParamsError(f"{path}:{error.problem_mark.line + 1}: {key} stands there twice; keep one of them") from None
    except MarkedYAMLError as error:
        raise ParamsError(f"{path}:{error.problem_mark.line + 1}: not valid YAML: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:  # beyond YAML: dates and numbers that Python has not
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def _explain(item: Any) -> str:
    """One problem as `key: what is wrong with it`."""
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(item['loc'])}"
    if item["type"] == "missing":
        return f"{key}: missing"
    message = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
    if item["type"] == "value_error" and not isinstance(item["input"], str | int | float):
        return _joined(key, message)
    return _joined(key, f"{message[0].lower()}{message[1:]}, got {_shown(item['input'])}")


def _joined(key: str, message: str) -> str:
    return f"{key}: {message}" if key else message


def _shown(value: Any) -> str:
    """A value as it may have been written."""
    if value is None:
        return "nothing"
    return str(value) if isinstance(value, date) else repr(value)


def _suggestion(location: tuple[str | int, ...]) -> str:
    """What became of a key that was once here, or ` (did you mean …?)` where one of that section is close."""
    if gone := GONE.get(".".join(map(str, location))):
        return f"; {gone}"
    section: Any = Params
    for part in location[:-1]:
        section = section.model_fields[part].annotation
    close = get_close_matches(str(location[-1]), section.model_fields, n=1)
    return f" (did you mean {'.'.join([*map(str, location[:-1]), close[0]])}?)" if close else ""
