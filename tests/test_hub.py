"""What `timbre export --hub` writes, as Hugging Face's library reads it. Nothing goes over the network."""

import json
import shutil
import sys

import pytest
from helpers import INSTRUMENTS
from huggingface_hub import CommitOperationAdd, ModelCard, SpaceCard
from huggingface_hub.utils import filter_repo_objects
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.hub.sample import sample
from timbre.hub.write import write_hub
from timbre.model.checkpoint import save_untrained
from timbre.songs.onnx_engine import ONNX_FILE
from timbre.songs.predictor import Predictor

MODEL = {
    "README.md",
    "config.json",
    "sample.wav",
    "timbre.onnx",
    *(f"{task}.safetensors" for task in ("single", "layered", "timeline")),
}
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}  # those that the hub knows


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Export the released models with the command."""
    folder = tmp_path_factory.mktemp("hub") / "timbre"
    result = CliRunner().invoke(app, ["export", "--hub", str(folder), "--models", str(RELEASED)])
    assert result.exit_code == 0, result.output
    return folder


def test_the_model_card_has_a_licence_a_task_and_the_metrics(hub):
    card = ModelCard.load(hub / "README.md")
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        "mit",
        "timbre",
        "audio-classification",
    )
    assert {result.metric_type for result in card.data.eval_results} == {"accuracy", "f1", "roc_auc"}
    assert all(0.5 < result.metric_value <= 1 for result in card.data.eval_results)
    assert "the law has not settled" in card.text.replace("\n", " ")


def test_the_space_is_static_and_has_the_page(hub):
    card = SpaceCard.load(hub / "space/README.md")
    assert (card.data.sdk, card.data.app_file, card.data.license) == ("static", "index.html", "mit")
    assert {card.data.colorFrom, card.data.colorTo} <= COLOURS and len(card.data.short_description) <= 60
    assert (hub / "space/index.html").read_text(encoding="utf-8").startswith("<!")


def test_the_commands_of_the_documentation_upload_each_file_once(hub):
    files = [path.relative_to(hub).as_posix() for path in hub.rglob("*") if path.is_file()]
    assert set(filter_repo_objects(files, ignore_patterns="space/*")) == MODEL
    assert {name for name in files if name not in MODEL} == {
        f"space/{name}" for name in ("README.md", "index.html", "sample.wav")
    }
    for name in files:
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=hub / name)


def test_the_config_describes_the_models(hub):
    config = json.loads((hub / "config.json").read_text())
    assert (config["model_type"], list(config["id2label"].values())[:4]) == ("timbre", list(INSTRUMENTS))
    assert len(config["layered"]["thresholds"]) == len(config["id2label"]) and config["single"]["model"]["channels"] > 0


@pytest.mark.parametrize("without", ["", "*.safetensors"])
def test_predict_reads_the_folder_with_and_without_pytorch(without, hub, tmp_path, monkeypatch):
    folder = shutil.copytree(hub, tmp_path / "downloaded", ignore=shutil.ignore_patterns(without))
    if without:
        monkeypatch.setitem(sys.modules, "safetensors", None)  # as where neither it nor PyTorch is installed
    song = Predictor(folder).listen(folder / "sample.wav")
    assert "drums" in song.present and song.single["violin"] < 0.1
    assert abs(sample()).max() == pytest.approx(0.8)


def test_your_own_models_get_a_card_to_complete(models, tmp_path, monkeypatch):
    monkeypatch.setattr("timbre.export.export_onnx", lambda _, path: path.write_bytes(b"the slow export's file"))
    write_hub(models, tmp_path / "hub")
    card = ModelCard.load(tmp_path / "hub/README.md")
    assert card.data.license == "unknown" and "Say here what they were trained on" in card.text
    assert str(tmp_path) not in (tmp_path / "hub/space/index.html").read_text()  # a public page names no private folder


def test_models_without_a_single_label_model_are_refused_and_nothing_is_written(models, tmp_path):
    save_untrained(models / "single.safetensors")
    (models / ONNX_FILE).write_bytes(b"an older export")
    with pytest.raises(DataError, match=r"^export: the models were trained on music alone"):
        write_hub(models, tmp_path / "hub")
    assert not (tmp_path / "hub").exists()


def test_a_folder_with_files_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(DataError, match="is not an empty folder; name a new one"):
        write_hub(RELEASED, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert CliRunner().invoke(app, ["export"]).exit_code == 2
