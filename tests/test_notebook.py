"""Run the notebook from its first cell to its last."""

import nbformat
import pytest
from helpers import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "notebooks" / "songs.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Run the notebook in a folder without a pipeline, and return its code cells."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(cells, kind):
    return [output["data"][kind] for cell in cells for output in cell.outputs if kind in output.get("data", {})]


def test_a_song_is_shown_as_a_picture(cells):
    assert len(outputs(cells, "image/png")) == 2  # the song and the matplotlib figure


def test_the_printed_timeline_is_right_for_most_of_the_song(cells):
    printed = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    shares = [int(line.split("%")[0].split()[-1]) for line in printed.splitlines() if "of the song" in line]
    assert len(shares) == 12
    assert min(shares) >= 75, printed
    assert "missing.mp3 cannot be read" in printed
    assert "released with timbre" in printed
