"""The page of `dvc plots` in a browser without a network. It compares two revisions of the committed plots."""

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
COLOURS = ("#945dd6", "#13adc7")  # DVC's colours of the first and second revision


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write the page with `dvc plots diff`: the committed plots against shorter training histories."""
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
    shutil.copytree(folder / "plots", folder / "models", ignore=shutil.ignore_patterns("*.png"))
    repository.commit("shorter")
    shutil.copytree(ROOT / "plots", folder / "plots", dirs_exist_ok=True)
    repository.commit("committed")
    repository.run("dvc plots diff HEAD~1 HEAD --out shown")
    return folder / "shown" / "index.html"


def test_charts_and_images_of_both_revisions_appear_without_a_network(page, tmp_path):
    with opened(page, tmp_path / "profile") as browser:
        browser.wait(f"document.querySelectorAll('main svg.marks, main .failed').length >= {len(CHARTS)}")
        titles = browser.evaluate(
            "[...document.querySelectorAll('svg .role-title-text')].map(text => text.textContent)"
        )
        drawn = browser.evaluate(
            "[...document.images].filter(image => image.naturalWidth > 100).map(image => image.src)"
        )
        overflow = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
        browser.screenshot(tmp_path / "page.png")
        browser.check_silent_and_offline()
    assert set(CHARTS) <= set(titles)
    assert len(drawn) == len(IMAGES) * REVISIONS
    assert overflow <= 0
    pixels = np.rint(imread(tmp_path / "page.png")[..., :3] * 255).astype(int)
    for colour in COLOURS:
        rgb = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
        assert (np.abs(pixels - rgb).max(axis=2) <= 2).sum() > 1000, (
            f"too few pixels of {colour}: lines or bars are missing"
        )


def test_a_chart_that_cannot_be_drawn_is_replaced_by_an_error(tmp_path):
    template = (ROOT / ".dvc/plots/page.html").read_text(encoding="utf-8")
    chart = "<div id='1 odd'><script>vegaEmbed('#1 odd', {mark: 'no such mark'})</script></div>"
    (tmp_path / "page.html").write_text(template.replace("{plot_divs}", chart), encoding="utf-8")
    with opened(tmp_path / "page.html", tmp_path / "profile") as browser:
        browser.wait("document.querySelector('.failed')")
        assert browser.evaluate("document.querySelector('.failed').textContent").startswith("1 odd: cannot be drawn")
        assert browser.errors


def test_the_check_fails_for_a_page_that_requests_a_remote_script(tmp_path):
    (tmp_path / "page.html").write_text("<title>remote</title><script src='http://127.0.0.1:9/vega.js'></script>")
    with opened(tmp_path / "page.html", tmp_path / "profile") as browser:
        assert browser.requests[-1] == "http://127.0.0.1:9/vega.js"
        with pytest.raises(AssertionError):
            browser.check_silent_and_offline()


def test_the_page_is_built_from_its_layout_and_licences():
    layout = (ROOT / "scripts/plots_page.html").read_text(encoding="utf-8")
    licences = (ROOT / "scripts/plots_page_licences.txt").read_text(encoding="utf-8").strip()
    before, after = layout.replace("{licences}", licences).split("{vega}")
    built = (ROOT / ".dvc/plots/page.html").read_text(encoding="utf-8")
    assert built.startswith(before), "run python scripts/build_plots_page.py"
    assert built.endswith(after), "run python scripts/build_plots_page.py"
    assert len(built) - len(before) - len(after) > 500_000
