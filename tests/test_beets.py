"""The beets plugin, with a real library; and the tag that beets, Navidrome and Jellyfin read."""

import json
import re
import sys
import tomllib

import beets
import mutagen
import numpy as np
import pytest
import soundfile
from beets import ui
from helpers import ROOT
from mediafile import MediaFile
from test_tags import write_sound

from timbre.tools.tags import read_tags, write_tags

sys.path.insert(0, str(ROOT / "scripts"))
from try_wheel import beat, write_wav

PAGE = (ROOT / "docs/libraries.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with the configuration of beets: the plugin, and an empty library."""
    folder = tmp_path_factory.mktemp("beets")
    paths = f"directory: {folder / 'music'}\nlibrary: {folder / 'library.db'}\n"
    (folder / "config.yaml").write_text(f"{paths}plugins: timbre\nimport: {{copy: yes, autotag: no, quiet: yes}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEETSDIR", str(folder))
        beets.config.clear()
        beets.config.read()
        ui._raw_main(["ls"])  # creates the library and loads the plugin
        yield folder


@pytest.fixture
def beet(library, capsys):
    """The command beet: a function that returns the lines it prints."""

    def run(*arguments):
        capsys.readouterr()
        ui._raw_main(list(arguments))
        return capsys.readouterr().out.splitlines()

    return run


def test_instruments_are_stored_at_import_and_by_the_command_and_found_by_queries(beet, library, caplog):
    new = library / "new"
    new.mkdir()
    write_wav(new / "beat.wav", beat())
    soundfile.write(new / "silence.flac", np.zeros(3 * 16000), 16000)
    beet("import", str(new))
    assert "silence.flac: is silent" in caplog.text
    [path] = beet("ls", "-f", "$path", "instruments:drums")
    assert len(beet("ls")) == 2
    assert read_tags(path) == []  # an import as-is writes no tags

    beet("modify", "--yes", "--nowrite", "instruments=violin", "instruments:drums")
    beet("timbre")
    assert beet("ls", "-f", "$path", "instruments:violin") == [path]  # it had instruments
    beet("timbre", "--force")
    assert beet("ls", "-f", "$path: $instruments", "instruments:drums") == [f"{path}: drums"]
    assert beet("ls", "instruments:violin") == []
    assert read_tags(path) == ["drums"]


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".wav", ".m4a"])
def test_the_tag_is_that_of_timbre_tag_and_of_the_page(library, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_sound(path)
    write_tags(path, ["violin", "bass guitar"])
    assert MediaFile(path).instruments == ["violin", "bass guitar"]
    file = MediaFile(path)
    file.instruments = ["piano", "drums"]
    file.save()
    assert read_tags(path) == ["piano", "drums"]
    [key] = [key for key in mutagen.File(path).tags.keys() if key.lower().endswith("instruments")]  # noqa: SIM118
    assert key.upper() in [alias.upper() for alias in navidrome()["Aliases"]]


def test_the_separator_of_old_tags_is_in_the_configuration_of_navidrome(tmp_path):
    path = tmp_path / "a.mp3"
    write_sound(path)
    mutagen.File(path).save(v2_version=3)
    write_tags(path, ["violin", "piano"])
    [text] = mutagen.File(path).tags["TXXX:INSTRUMENTS"].text
    assert text.split(navidrome()["Split"][0]) == ["violin", "piano"]
    assert json.loads(block("json"))["all"] == [{"is": {"instruments": "violin"}}]


def navidrome():
    return tomllib.loads(block("toml"))["Tags"]["instruments"]


def block(language):
    """Return the code block of the page in a language."""
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]
