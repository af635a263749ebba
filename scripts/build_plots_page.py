"""Build the page that `dvc plots` fills, with Vega inside, so that charts are drawn without a network.

DVC's own page loads Vega from afar; `.dvc/config` names the one that this script writes, `.dvc/plots/page.html`.
Change `scripts/plots_page.html`, then:

    pip install vl-convert-python==1.7.0
    python scripts/build_plots_page.py

That package holds Vega, Vega-Lite and Vega-Embed and bundles them to one script; Timbre itself does not need it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = ROOT / "scripts" / "plots_page.html"
LICENCES = ROOT / "scripts" / "plots_page_licences.txt"
PAGE = ROOT / ".dvc" / "plots" / "page.html"
VEGA_LITE = "5.21"  # DVC's charts are written for Vega-Lite 5
FOR_DVC = ("{refresh_tag}", "{plot_divs}")
"""What DVC fills in; its third, `{scripts}`, would load Vega from afar."""


def page(layout: str, licences: str, vega: str) -> str:
    """Put the bundled script and its licences into the layout.

    Raises:
        ValueError: a part would end its element early, or be filled in by DVC.
    """
    for part in (licences, vega):
        if clash := [mark for mark in (*FOR_DVC, "{scripts}", "</script", "<!--", "-->") if mark in part]:
            raise ValueError(f"a part of the page holds {clash[0]}")
    return layout.replace("{licences}", licences.strip()).replace("{vega}", vega.strip())


def main() -> None:
    """Write the page."""
    from vl_convert import javascript_bundle

    licences = LICENCES.read_text(encoding="utf-8")
    text = page(LAYOUT.read_text(encoding="utf-8"), licences, javascript_bundle(vl_version=VEGA_LITE))
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
