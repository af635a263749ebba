"""Any list of instruments: their names, the programs that render them, and models with other instruments."""

import json

import pytest
import soundfile
import torch
from helpers import committed_params, save_drawn_models, tone
from pydantic import ValidationError
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError, ParamsError
from timbre.core.files import RELEASED
from timbre.core.instruments import OTHER
from timbre.core.params import Params, Soundfont
from timbre.core.yaml_file import with_changes
from timbre.features.display import palette
from timbre.labels.general_midi import VOICES, Voice
from timbre.model.checkpoint import save_model
from timbre.songs.predictor import Predictor
from timbre.sources.plan import plan
from timbre.tools.query import Query
from timbre.training.train import load_start

SOUNDFONT = Soundfont(clips=90, others=40, seconds=1.0, sample_rate=8000)


@pytest.mark.parametrize(
    "names",
    [
        ["cello", "flute"],
        ["E-Gitarre", "Frauenstimme (hoch)"],
        [f"i{n}" for n in range(64)],
        ["तबला", "बाँसुरी", "ระนาดเอก", "மிருதங்கம்", "عُود", "cajón"],
    ],
)
def test_names_of_any_script_can_be_listed(names):
    assert Params.model_validate(with_changes(committed_params(), {"instruments": names})).instruments == tuple(names)


def test_names_are_normalised():
    names = ["cajo\u0301n", "bandoneo\u0301n"]
    assert Params.model_validate(with_changes(committed_params(), {"instruments": names})).instruments == (
        "cajón",
        "bandoneón",
    )


def test_queries_find_names_of_any_script_and_normalisation():
    query = Query("तबला and not Cajo\u0301n", ("तबला", "cajón"))
    assert query.spans([(0.0, 4.0, "तबला"), (0.0, 2.0, "cajón")], 4.0) == [(2.0, 4.0)]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("cello", "must be a list of names"),
        (["cello"], "2 to 64 instruments, not 1"),
        ([f"i{n}" for n in range(65)], "not 65"),
        (["cello", "Cello"], "'Cello' is listed twice"),
        (["cajón", "Cajo\u0301n"], "listed twice"),
        (["cello", "ा"], "must be a name of letters"),
        *((["cello", word], f"'{word}' has another meaning") for word in ("other", "And", "or", "not")),
        (["cello", "a/b"], "'a/b': must be a name of letters"),
        (["cello", "a,b"], "'a,b': must be a name of letters"),
        (["cello", "a+b"], r"'a\+b': must be a name of letters"),
        (["cello", " flute"], "' flute': must be a name of letters"),
        (["cello", 808], "808: must be a name of letters"),
        (["cello", "x" * 41], "40 at most"),
    ],
)
def test_an_invalid_list_is_refused_with_the_reason(names, reason):
    with pytest.raises(ValidationError, match=reason):
        Params.model_validate(with_changes(committed_params(), {"instruments": names}))


def test_general_midi_renders_the_listed_instruments_and_the_others():
    takes = plan(SOUNDFONT, ("trumpet", "organ", "cello"))
    programs = {
        name: {take.program for take in takes if take.instrument == name} for name in ("trumpet", "organ", "cello")
    }
    assert programs == {"trumpet": {56, 59}, "organ": {16, 17, 18, 19, 20}, "cello": {42}}
    others = plan(SOUNDFONT.model_copy(update={"others": 600}), ("trumpet", "organ", "cello"))
    heard = {(take.family == "drums", take.program) for take in others if take.instrument == OTHER}
    assert {(False, 0), (False, 24), (False, 40), (True, 0)} <= heard  # the four, as nobody asked for them
    assert not {program for is_kit, program in heard if not is_kit} & set.union(*programs.values())


def test_a_program_of_two_instruments_belongs_to_the_one_with_fewer_programs():
    takes = plan(SOUNDFONT, ("violin", "viola", "strings"))
    programs = {
        name: {take.program for take in takes if take.instrument == name} for name in ("violin", "viola", "strings")
    }
    assert programs == {"violin": {40, 110}, "viola": {41}, "strings": {44, 48, 49, 50, 51}}


def test_a_name_unknown_to_general_midi_is_refused_with_a_list_of_names():
    with pytest.raises(
        DataError,
        match=r"instruments: theremin: General MIDI has no instrument with this name; use one of guitar, .*cello",
    ):
        plan(SOUNDFONT, ("piano", "theremin"))


def test_an_instrument_without_programs_of_its_own_is_refused(monkeypatch):
    monkeypatch.setitem(VOICES, "low strings", Voice((32, 42, 43), "violin"))
    with pytest.raises(
        DataError, match="instruments: low strings: the other instruments use all of its General MIDI programs"
    ):
        plan(SOUNDFONT, ("low strings", "cello", "double bass"))


def test_the_first_fifteen_colours_differ():
    names = [f"i{n}" for n in range(64)]
    assert len(set(palette(names[:15]).values())) == 15
    assert list(palette(names)) == names


@pytest.mark.parametrize("number", [2, 20])
def test_predictions_have_the_instruments_of_the_model(tiny, tmp_path, number):
    names = tuple(f"horn {n}" for n in range(number))
    save_drawn_models(tmp_path, tiny, names, (0.0,) * number)
    songs = [tmp_path / f"{name}.wav" for name in "ab"]
    for song in songs:
        soundfile.write(song, tone(440, 2, 16000), 16000)
    song = Predictor(tmp_path).listen(songs[0])
    assert song.instruments == names and song.present == list(names) and song.timeline.shape[1] == number
    assert song._repr_png_().startswith(b"\x89PNG")
    output = {}
    for form in ("text", "jsonl", "csv"):
        result = CliRunner().invoke(app, ["predict", *map(str, songs), "--format", form, "--models", str(tmp_path)])
        assert result.exit_code == 0
        output[form] = result.stdout
    assert output["text"].splitlines()[1].endswith(" + ".join(names))
    assert f"single_{names[-1]}" in output["csv"].splitlines()[0]
    for line in map(json.loads, output["jsonl"].splitlines()):
        assert list(line["single"]) == list(line["layered"]) == list(line["shares"]) == list(names)


def test_two_models_with_different_instruments_are_refused(models):
    trained = Predictor(models).engine.single
    config = trained.description.model_copy(update={"instruments": ("cello", "flute", "oboe", "harp")})
    save_model(models / "single.safetensors", trained.network, config, trained.filters)
    with pytest.raises(DataError, match="the two models know different instruments; train both again"):
        Predictor(models)


def test_training_can_be_initialised_from_released_blocks_for_any_instruments(params, tmp_path):
    start = load_start("released", params.audio, params.mel, params.model)
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes((RELEASED / "layered.safetensors").read_bytes())
    own = load_start(str(copy), params.audio, params.mel, params.model)
    pairs = zip(start.blocks.parameters(), own.blocks.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("section", "key", "value", "reason"),
    [
        ("model", "channels", 8, "model.channels: 8, but the model of start has 16; set it to that"),
        ("mel", "n_mels", 64, "mel.n_mels: 64, but the model of start has 128; set it to that"),
        ("audio", "sample_rate", 16000, "audio.sample_rate: 16000, but the model of start has 22050; set it to that"),
    ],
)
def test_a_checkpoint_of_another_shape_is_refused(params, section, key, value, reason):
    changed = params.model_copy(update={section: getattr(params, section).model_copy(update={key: value})})
    with pytest.raises(ParamsError, match=reason):
        load_start("released", changed.audio, changed.mel, changed.model)


def test_a_missing_checkpoint_is_named(params, tmp_path):
    with pytest.raises(DataError, match=r"none\.safetensors: no such model"):
        load_start(str(tmp_path / "none.safetensors"), params.audio, params.mel, params.model)
