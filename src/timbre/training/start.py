"""Training that goes on from what another model has learnt."""

from timbre.core.errors import ParamsError
from timbre.core.files import user_path
from timbre.core.params import Audio, Mel, Model
from timbre.model.checkpoint import RELEASED, load_model
from timbre.model.network import TimbreNet

WORD = "released"
START_RATE = 0.3  # of the learning rate: what was learnt is changed with care


def load_start(start: str, audio: Audio, mel: Mel, model: Model) -> TimbreNet:
    """The network whose blocks training is to begin with: that of a layered model, whatever its instruments.

    Args:
        start: the param of that name, `released` or a path.
        audio, mel, model: of the training to come; sample rate, mel and blocks must be those of the model.

    Raises:
        DataError: there is no such model.
        ParamsError: it hears something else, or its blocks are of another size.
    """
    trained = load_model(RELEASED / "layered.safetensors" if start == WORD else user_path(start, "start"))
    theirs = trained.description
    wanted = _what_must_agree(audio, mel, model)
    for key, value in _what_must_agree(theirs.audio, theirs.mel, theirs.model).items():
        if wanted[key] != value:
            raise ParamsError(f"params.yaml: start: that model has {key} {value:g}, not {wanted[key]:g}; set it so")
    return trained.network


def _what_must_agree(audio: Audio, mel: Mel, model: Model) -> dict[str, float]:
    return {
        "audio.sample_rate": audio.sample_rate,
        **{f"mel.{key}": value for key, value in mel.model_dump().items()},
        "model.channels": model.channels,
        "model.blocks": model.blocks,
    }
