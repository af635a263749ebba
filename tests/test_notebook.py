"""The notebook, run from its first cell to its last."""

import nbformat
import pytest
from helpers import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "notebooks" / "songs.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Its code cells, run in a folder where no pipeline has run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(cells, kind):
    return [output["data"][kind] for cell in cells for output in cell.outputs if kind in output.get("data", {})]


def test_the_song_shows_itself_as_a_picture(cells):
    assert len(outputs(cells, "image/png")) == 2  # the song's own, and the one of matplotlib


def test_what_it_prints_is_what_plays(cells):
    said = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    shares = [int(line.split("%")[0].split()[-1]) for line in said.splitlines() if "of the song" in line]
    assert len(shares) == 4
    assert min(shares) >= 75, said
    assert "missing.mp3 cannot be read" in said
    assert "released with timbre" in said
