"""The page of `dvc plots`, in a browser without a network: two revisions of the committed plots, side by side."""

import shutil

import numpy as np
import pytest
import yaml
from chromium import chromium, opened
from helpers import ROOT
from matplotlib.image import imread
from repository import Repository

PLOTS = yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
CHARTS = [next(iter(entry)) for entry in PLOTS if isinstance(entry, dict)]
IMAGES = [entry for entry in PLOTS if isinstance(entry, str)]
REVISIONS = 2
COLOURS = ("#945dd6", "#13adc7")  # DVC's, of the first and the second revision


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page that `dvc plots diff` writes in a repository with the committed plots and earlier, shorter histories."""
    chromium()
    folder = tmp_path_factory.mktemp("plots")
    repository = Repository(folder)
    repository.run("git init --quiet")
    repository.run("dvc init --quiet")
    shutil.copyfile(ROOT / ".dvc/config", folder / ".dvc/config")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    shutil.copytree(ROOT / "plots", folder / "plots")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": PLOTS}, sort_keys=False))
    for history in sorted(folder.glob("plots/*_history.csv")):
        shortened = history.read_text().splitlines(keepends=True)[:-2]
        history.write_text("".join(shortened))
    repository.commit("shorter")
    shutil.copytree(ROOT / "plots", folder / "plots", dirs_exist_ok=True)
    repository.commit("committed")
    repository.run("dvc plots diff HEAD~1 HEAD --out shown")
    return folder / "shown" / "index.html"


def test_charts_and_pictures_of_both_revisions_are_drawn_without_a_network(page, tmp_path):
    with opened(page, tmp_path / "profile") as seen:
        seen.wait(f"document.querySelectorAll('main svg.marks, main .failed').length >= {len(CHARTS)}")
        titles = seen.evaluate("[...document.querySelectorAll('svg .role-title-text')].map(text => text.textContent)")
        drawn = seen.evaluate("[...document.images].filter(image => image.naturalWidth > 100).map(image => image.src)")
        sideways = seen.evaluate("document.documentElement.scrollWidth - innerWidth")
        seen.screenshot(tmp_path / "page.png")
        seen.check_silent_and_offline()
    assert set(CHARTS) <= set(titles)
    assert len(drawn) == len(IMAGES) * REVISIONS
    assert sideways <= 0
    pixels = np.rint(imread(tmp_path / "page.png")[..., :3] * 255).astype(int)
    for colour in COLOURS:
        rgb = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
        assert (np.abs(pixels - rgb).max(axis=2) <= 2).sum() > 1000, f"little of {colour}: lines and bars are missing"


def test_a_chart_that_cannot_be_drawn_says_so_in_its_place(tmp_path):
    template = (ROOT / ".dvc/plots/page.html").read_text(encoding="utf-8")
    odd = "<div id='1 odd'><script>vegaEmbed('#1 odd', {mark: 'no such mark'})</script></div>"
    (tmp_path / "page.html").write_text(template.replace("{plot_divs}", odd), encoding="utf-8")
    with opened(tmp_path / "page.html", tmp_path / "profile") as seen:
        seen.wait("document.querySelector('.failed')")
        assert seen.evaluate("document.querySelector('.failed').textContent").startswith("1 odd: cannot be drawn")
        assert seen.errors


def test_the_check_notices_a_page_that_asks_for_something_from_afar(tmp_path):
    (tmp_path / "page.html").write_text("<title>afar</title><script src='http://127.0.0.1:9/vega.js'></script>")
    with opened(tmp_path / "page.html", tmp_path / "profile") as seen:
        assert seen.requests[-1] == "http://127.0.0.1:9/vega.js"
        with pytest.raises(AssertionError):
            seen.check_silent_and_offline()


def test_the_page_is_built_from_its_layout_and_licences():
    layout = (ROOT / "scripts/plots_page.html").read_text(encoding="utf-8")
    licences = (ROOT / "scripts/plots_page_licences.txt").read_text(encoding="utf-8").strip()
    before, after = layout.replace("{licences}", licences).split("{vega}")
    built = (ROOT / ".dvc/plots/page.html").read_text(encoding="utf-8")
    assert built.startswith(before), "run python scripts/build_plots_page.py"
    assert built.endswith(after), "run python scripts/build_plots_page.py"
    assert len(built) - len(before) - len(after) > 500_000
