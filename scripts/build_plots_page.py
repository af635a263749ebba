"""Build the page that `dvc plots` fills, with Vega inside, so that charts work without a network.

DVC's own page loads Vega from the internet. `.dvc/config` makes DVC use the page that this script writes,
`.dvc/plots/page.html`. Change `scripts/plots_page.html`, then run:

    pip install vl-convert-python==1.7.0
    python scripts/build_plots_page.py

That package bundles Vega, Vega-Lite and Vega-Embed into one script. Only this script needs it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = ROOT / "scripts" / "plots_page.html"
LICENCES = ROOT / "scripts" / "plots_page_licences.txt"
PAGE = ROOT / ".dvc" / "plots" / "page.html"
VEGA_LITE = "5.21"  # DVC's charts are written for Vega-Lite 5
FOR_DVC = ("{refresh_tag}", "{plot_divs}")
"""Placeholders that DVC fills in. The page has no `{scripts}`, which would load Vega from the internet."""


def page(layout: str, licences: str, vega: str) -> str:
    """Insert the bundled script and its licences into the layout.

    Raises:
        ValueError: A part contains a tag that would end its element, or a placeholder that DVC would fill in.
    """
    for part in (licences, vega):
        if clash := [mark for mark in (*FOR_DVC, "{scripts}", "</script", "<!--", "-->") if mark in part]:
            raise ValueError(f"a part of the page contains {clash[0]}")
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
