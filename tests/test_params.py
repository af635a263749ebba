import re
from functools import reduce

import pytest
import yaml
from dvc.utils.serialize import load_yaml, modify_yaml
from helpers import ROOT, committed_params

from timbre.core.errors import DataError, ParamsError
from timbre.core.files import user_path
from timbre.core.params import load_params
from timbre.core.yaml_file import with_changes


@pytest.fixture
def load(tmp_path):
    def load_changed(changes):
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(with_changes(committed_params(), changes)))
        return load_params(path)

    return load_changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, r"epochs: .*greater than or equal to 1, got -1"),
        ({"epochs": 1.5}, r"epochs: .*integer.*got 1\.5"),
        ({"epochs": True}, r"epochs: must be a number"),
        ({"learning_rate": "fast"}, r"learning_rate: .*number.*got 'fast'"),
        ({"learning_rate": float("nan")}, r"learning_rate: .*got nan"),
        ({"audio": {"sample_rate": 0}}, r"audio\.sample_rate: .*got 0"),
        ({"audio": 3}, r"audio: .*got 3"),
        ({"mel": {"fmax": 20000.0}}, r"mel\.fmax must not exceed half of audio\.sample_rate"),
        ({"data": {"source": "spotify"}}, r"data\.source: must be one of soundfont, recordings, .*, got 'spotify'"),
        ({"data": {"folder": ""}}, r"data\.folder must not be empty, because DVC reads it; write data/own/dataset if"),
        ({"data": {"kaggle": {"handle": "mine"}}}, r"data\.kaggle\.handle: must be of the form owner/name, got 'mine'"),
        ({"songs": {"path": None}}, r"songs\.path: must be text; .*got nothing$"),
        ({"songs": None}, r"songs: must be a section of keys, got nothing$"),
        *(({"threshold": value}, rf"threshold: must be auto or .* below 1, got {value}$") for value in (0, 1, True)),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_its_key(load, changes, message):
    with pytest.raises(ParamsError, match=message) as error:
        load(changes)
    assert "\n" not in str(error.value)


def test_every_param_in_the_documentation_exists():
    text = "\n".join(page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    keys = [key for key in re.findall(r"-S '?([\w.]+)=", text) if key != "key"]
    assert len(keys) > 20
    for key in keys:
        reduce(lambda section, name: section[name], key.split("."), committed_params())


def test_missing_keys_invalid_yaml_and_missing_files_are_reported(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(ParamsError, match=r"cannot be read .* repository's root"):
        load_params(path)
    path.write_text("seed: 0\nepochs: [1")
    with pytest.raises(ParamsError, match=r"params\.yaml:2: not valid YAML: expected"):
        load_params(path)
    path.write_text(yaml.safe_dump({key: value for key, value in committed_params().items() if key != "epochs"}))
    with pytest.raises(ParamsError, match=r"params\.yaml: epochs: missing$"):
        load_params(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("epochs: 10", "epochs: 10\nepochs: 3"), r"params\.yaml:\d+: epochs is there twice; keep one"),
        (("  seed: 0", "  seed: 0\n  seed: 0"), r"params\.yaml:\d+: seed is there twice"),
        (("# Every", "# Ménage. Every"), r"params\.yaml:1: not UTF-8 text; save it as UTF-8$"),
        (("epochs: 10", "epochs: 2024-13-01"), "not valid YAML: month"),
        (("epochs: 10", "epochs: " + 5000 * "["), "not valid YAML: "),
        (("epochs: 10", "epoch: 3"), r"epoch: unknown key \(did you mean epochs\?\)"),
        (("  hop_length:", "  hop_lenght:"), r"mel\.hop_lenght: unknown key \(did you mean mel\.hop_length\?\)"),
        (("mixtures:", "mixtures:\n  none: 0.1"), r"mixtures\.none: unknown key; use mixtures\.playing, the"),
        (("epochs: 10", "epochs: yes"), r"epochs: .*integer.*got 'yes'"),
        (("epochs: 10", "epochs: 1:30"), r"epochs: .*integer.*got '1:30'"),
    ],
)
def test_invalid_text_is_refused_in_one_line(tmp_path, change, message):
    text = (ROOT / "params.yaml").read_text()
    assert change[0] in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(*change, 1), encoding="latin-1")
    with pytest.raises(ParamsError, match=message) as error:
        load_params(path)
    assert "\n" not in str(error.value)


BOMB = [f"&a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 30)]  # each list has 9 times the one before
MERGES = [f"&a{n} {{<<: [{', '.join(9 * [f'*a{n - 1}'])}]}}" for n in range(1, 30)]


@pytest.mark.parametrize(
    "text",
    [
        f"instruments: [&a0 [x, y], {', '.join(BOMB)}]",
        f"epochs: [&a0 {{x: 1}}, {', '.join(MERGES)}]",
        f"? [&a0 [x, y], {', '.join(BOMB)}]\n: 1",
        "songs: &a [*a]",
    ],
)
def test_aliases_that_expand_without_end_are_refused_at_once(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError, match=r"its aliases expand to more than 10000 values; write the values instead$"):
        load_params(path)


def test_an_alias_stands_for_its_value(tmp_path):
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    path.write_text(text.replace("epochs: 10", "epochs: &ten 10").replace("batch_size: 32", "batch_size: *ten"))
    assert load_params(path).batch_size == 10


@pytest.mark.parametrize("value", ["010", "0o10", "0x10", "1_000", "1e1", "+3", "089"])
def test_numbers_are_read_as_dvc_reads_them(tmp_path, value):
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("epochs: 10", f"epochs: {value}"))
    assert load_params(path).epochs == load_yaml(str(path))["epochs"]


def test_all_notations_of_a_float_are_read(tmp_path):
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    for written in ("5e-05", "'5e-05'", "5e-5", "0.00005"):
        path.write_text(text.replace("learning_rate: 0.01", f"learning_rate: {written}"))
        assert load_params(path).learning_rate == 5e-5


def test_experiments_change_no_other_bytes_of_params(tmp_path):
    """Otherwise each experiment would make check_params run, and its diff would have other lines."""
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    with modify_yaml(path) as values:
        values["epochs"] = 3
    assert path.read_text() == (ROOT / "params.yaml").read_text().replace("epochs: 10", "epochs: 3")


def test_paths_start_at_the_repository_root_and_a_tilde_is_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert user_path("../songs", "songs.path") == tmp_path / "repository/../songs"
    assert user_path("~/Music", "songs.path") == tmp_path / "home/Music"
    with pytest.raises(DataError, match=r"^songs\.path: ~nobody-knows/x: .*; write the full path$"):
        user_path("~nobody-knows/x", "songs.path")
