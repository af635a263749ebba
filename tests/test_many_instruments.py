"""Models of many instruments: what is listed, chosen, sure and little tested, and which colours it has."""

import csv
import json
from itertools import combinations

import numpy as np
import pytest
import soundfile
from colorspacious import cspace_convert
from helpers import save_drawn_models, tone
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.features.display import COLOURS, palette
from timbre.model.checkpoint import load_model
from timbre.songs.onnx_engine import ONNX_FILE, OnnxEngine
from timbre.songs.predictor import Predictor
from timbre.songs.song import as_png
from timbre.songs.text import as_text
from timbre.tools.query import Query
from timbre.tools.tags import read_tags

TWELVE = (
    *("guitar", "drums", "violin", "piano", "bass", "voice"),
    *("cello", "flute", "saxophone", "trumpet", "organ", "synthesizer"),
)
PRESENT = ("drums", "voice", "flute", "organ")  # their threshold is 0, that of all others is 1
BOUNDS = dict.fromkeys(TWELVE, (1.0, 0.0)) | {"voice": (0.0, None), "cello": (None, 1.0), "organ": (0.0, 1.0)}


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """Return a folder with models of twelve instruments, and a song. Flute is little tested."""
    folder = tmp_path_factory.mktemp("twelve")
    thresholds = tuple(0.0 if name in PRESENT else 1.0 for name in TWELVE)
    save_drawn_models(folder, tiny, TWELVE, thresholds, little_tested=("flute",), sure=BOUNDS)
    soundfile.write(folder / "a.wav", tone(440, 2, 16000), 16000)
    return folder


@pytest.fixture(scope="module")
def song(folder):
    return Predictor(folder).listen(folder / "a.wav")


def run(folder, command, *arguments):
    """Run a command with the models of a folder and return its output, or its one-line error."""
    result = CliRunner().invoke(app, [command, *map(str, arguments), "--models", str(folder)])
    if isinstance(result.exception, DataError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_text_lists_what_plays_or_may_play_and_the_rest_on_one_line(folder):
    lines = run(folder, "predict", folder / "a.wav").splitlines()
    assert lines[1] == "  layered: drums, perhaps voice, perhaps cello, perhaps organ"
    assert [line.split()[0] for line in lines if "█" in line] == ["drums", "voice", "cello", "organ"]
    assert "  not found: guitar, violin, piano, bass, saxophone, trumpet, synthesizer" in lines
    assert "flute" not in "\n".join(lines)
    with_flute = run(folder, "predict", folder / "a.wav", "--all")
    (line,) = [line for line in with_flute.splitlines() if line.startswith("    flute")]
    assert line.endswith("(little tested)")


def test_tables_for_programs_have_everything_and_say_what_is_unsure_and_little_tested(folder, song):
    line = json.loads(run(folder, "predict", folder / "a.wav", "--format", "jsonl"))
    assert list(line["layered"]) == list(TWELVE) and line["present"] == list(PRESENT)
    assert (line["unsure"], line["little_tested"]) == (["voice", "cello", "organ"], ["flute"])
    (row,) = csv.DictReader(run(folder, "predict", folder / "a.wav", "--format", "csv").splitlines())
    assert (row["unsure"], row["little_tested"], row["error"]) == ("voice+cello+organ", "flute", "")
    assert float(row["flute"]) == song.layered["flute"]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_user_may_choose_instruments(folder, song, form):
    output = run(folder, "predict", folder / "a.wav", "--format", form, "--instruments", "Voice, guitar")
    line = json.loads(output) if form == "jsonl" else next(csv.DictReader(output.splitlines()))
    assert {*TWELVE} & {*(line["layered"] if form == "jsonl" else line)} == {"guitar", "voice"}
    assert "little_tested" not in line
    assert line["instrument"] == max(("guitar", "voice"), key=song.single.__getitem__)
    chosen = run(folder, "predict", folder / "a.wav", "--instruments", "flute")
    assert "flute" in chosen and "(little tested)" in chosen  # chosen by name, so no --all is needed
    error = run(folder, "predict", folder / "a.wav", "--instruments", "guitar,harp")
    assert error == f"--instruments: 'harp' is none of {', '.join(TWELVE)}"


def test_tags_and_matches_are_sure_if_asked(folder, tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(440, 2, 16000), 16000)
    backup = ("--backup", tmp_path / "before.jsonl", "--write")
    for options, tags in (
        ((), ["drums"]),
        (("--unsure",), ["drums", "voice", "organ"]),
        (("--unsure", "--all"), list(PRESENT)),
        (("--instruments", "flute,voice"), ["flute"]),
    ):
        run(folder, "tag", path, *options, *backup)
        assert read_tags(path) == tags
    assert run(folder, "find", "voice", path) and not run(folder, "find", "voice", path, "--sure")
    assert run(folder, "find", "drums or voice", path, "--sure")
    assert not run(folder, "find", "drums and not voice", path, "--sure")
    assert "flute is little tested; add --all" in run(folder, "find", "drums and flute", path)
    assert run(folder, "find", "drums and flute", path, "--all")


def test_sure_matches_need_models_that_say_what_is_sure(models):
    assert "do not say what is sure; leave it out" in run(models, "find", "drums", models / "a.wav", "--sure")


def test_an_unsure_answer_makes_neither_a_match_nor_its_negation_certain():
    sections = [(0.0, 2.0, "violin"), (1.0, 3.0, "drums")]
    for query, answers, spans in (
        ("violin", {}, []),
        ("not violin", {}, []),
        ("violin", {"violin": True}, [(0, 2)]),
        ("not violin", {"violin": True}, [(2, 4)]),
        ("violin or drums", {"violin": True}, [(0, 2)]),
        ("not (violin or drums)", {"violin": True, "drums": True}, [(3, 4)]),
        ("not violin", {"violin": False}, [(2, 4)]),  # sections contradict the answer
        ("violin", {"violin": False}, []),
    ):
        assert Query(query, ("violin", "drums")).spans(sections, 4.0, answers=answers) == spans, (query, answers)


def test_plugins_tag_what_is_surely_present_and_well_tested(song):
    assert song.sure_present == ["drums"]


def test_pictures_have_a_lane_for_each_listed_instrument_in_its_own_colour(song, monkeypatch):
    drawn = {}
    monkeypatch.setattr("timbre.songs.song._draw_lane", lambda _, song, name, colour: drawn.update({name: colour}))
    assert as_png(song.only(["drums", "voice", "flute", "guitar", "piano", "violin", "bass"])).startswith(b"\x89PNG")
    colours = palette(TWELVE)
    assert drawn == {name: colours[name] for name in ("drums", "voice", "flute")}


def test_a_song_in_which_nothing_plays_has_no_lanes(tiny, tmp_path):
    save_drawn_models(tmp_path, tiny, TWELVE, (1.0,) * 12)
    soundfile.write(tmp_path / "a.wav", tone(440, 2, 16000), 16000)
    song = Predictor(tmp_path).listen(tmp_path / "a.wav")
    assert as_text(song, timeline=True).splitlines()[1:] == [
        "  layered: none of these",
        f"  not found: {', '.join(TWELVE)}",
    ]
    assert as_png(song).startswith(b"\x89PNG")


def test_the_file_of_a_model_has_the_lists_only_if_they_are_not_empty(folder, models):
    description = load_model(folder / "layered.safetensors").description
    assert (description.sure, description.little_tested) == (BOUNDS, ("flute",))
    assert b"little_tested" not in (models / "layered.safetensors").read_bytes()[:3000]


def test_models_with_bounds_for_some_instruments_are_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match="sure needs bounds for each instrument"):
        save_drawn_models(tmp_path, tiny, TWELVE, (0.5,) * 12, sure={"guitar": (0.1, 0.9)})
    with pytest.raises(ValueError, match="little_tested names an unknown instrument"):
        save_drawn_models(tmp_path, tiny, TWELVE, (0.5,) * 12, little_tested=("harp",))


def test_onnx_has_the_lists_too(folder, tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    from timbre.export import export_onnx

    monkeypatch.setattr("timbre.export._onnx_model", lambda _: onnx.load(RELEASED / ONNX_FILE))  # the slow export
    export_onnx(folder, tmp_path / "timbre.onnx")
    engine = OnnxEngine(tmp_path)
    assert (engine.sure, engine.little_tested, engine.instruments) == (BOUNDS, ("flute",), TWELVE)
    assert onnx.load(tmp_path / "timbre.onnx").metadata_props


@pytest.mark.parametrize("vision", ["normal", "deuteranomaly", "protanomaly", "tritanomaly"])
def test_twelve_colours_differ_also_for_colour_blind_people(vision):
    """The simulation is that of Machado, Oliveira and Fernandes, 2009. In CAM02-UCS, 1 is just noticeable."""
    colours = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in COLOURS[:12]])
    if vision != "normal":
        space = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
        colours = np.clip(cspace_convert(colours, space, "sRGB1"), 0, 1)
    places = cspace_convert(colours, "sRGB1", "CAM02-UCS")
    assert min(np.linalg.norm(one - other) for one, other in combinations(places, 2)) > 9
