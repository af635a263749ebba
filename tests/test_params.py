import re
from functools import reduce

import pytest
import yaml
from conftest import ROOT, committed_params, with_changes

from timbre.errors import ParamsError
from timbre.params import load_params


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
        ({"epoch": 3}, r"epoch: unknown key \(did you mean epochs\?\)"),
        ({"mel": {"hop_lenght": 3}}, r"mel\.hop_lenght: unknown key \(did you mean mel\.hop_length\?\)"),
        ({"epochs": -1}, r"epochs: .*greater than or equal to 1, got -1"),
        ({"epochs": 1.5}, r"epochs: .*integer.*got 1\.5"),
        ({"epochs": True}, r"epochs: must be a number"),
        ({"learning_rate": "fast"}, r"learning_rate: .*number.*got 'fast'"),
        ({"learning_rate": float("nan")}, r"learning_rate: .*got nan"),
        ({"audio": {"sample_rate": 0}}, r"audio\.sample_rate: .*got 0"),
        ({"audio": 3}, r"audio: .*got 3"),
        ({"mel": {"fmax": 20000.0}}, r"mel\.fmax must not exceed half of audio\.sample_rate"),
        ({"data": {"source": "spotify"}}, r"data\.source: .*'soundfont', 'folder' or 'kaggle', got 'spotify'"),
        ({"data": {"source": "folder"}}, r"data\.folder must name"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_its_key(load, changes, message):
    with pytest.raises(ParamsError, match=message) as error:
        load(changes)
    assert "\n" not in str(error.value)


def test_every_param_that_the_readme_sets_is_there():
    keys = re.findall(r"-S ([\w.]+)=", (ROOT / "README.md").read_text())
    assert len(keys) > 20
    for key in keys:
        reduce(lambda section, name: section[name], key.split("."), committed_params())


def test_missing_keys_broken_yaml_and_missing_files_are_named(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(ParamsError, match="cannot be read"):
        load_params(path)
    path.write_text("epochs: [1")
    with pytest.raises(ParamsError, match="not valid YAML"):
        load_params(path)
    path.write_text(yaml.safe_dump({key: value for key, value in committed_params().items() if key != "epochs"}))
    with pytest.raises(ParamsError, match="epochs: missing"):
        load_params(path)


def test_numbers_that_yaml_reads_as_strings_are_numbers(tmp_path):
    text = yaml.safe_dump(committed_params()).replace("learning_rate: 0.01", "learning_rate: 5e-05")
    assert isinstance(yaml.safe_load(text)["learning_rate"], str)  # as `dvc exp run -S learning_rate=5e-5` writes it
    path = tmp_path / "params.yaml"
    path.write_text(text)
    assert load_params(path).learning_rate == 5e-5
