"""Builds the site from files all over the repository: pages, pictures, and the params with their comments."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from timbre.core.params import Params

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = ("*.md", "docs/*.md", "docs/*.png", "plots/*.png", "benchmarks/**/*.md", "src/timbre/weights/README.md")
LINKED = (
    "release/params.yaml",
    "release/recordings/labels.csv",
    "release/recordings/sources.csv",
    "notebooks/songs.ipynb",
)
GALLERY = {
    "mels.png": "Mel spectrograms of test clips, three of each instrument",
    "timeline.png": "The test song with the most timeline errors, and its ground truth",
    "layered_answers.png": "The layered test clips with the worst predictions",
    "single_answers.png": "Clips of a single instrument: label and prediction",
    "curves.png": "Precision against recall, F1 against level, reliability",
    "data.png": "The data: clips, groups, minutes, sources, lengths and levels",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Give each file of the site the path that it has in the repository, so that links between them work unchanged."""
    for file in [file for file in files if file.src_dir == config.docs_dir]:
        files.remove(file)
    found = [path.relative_to(ROOT).as_posix() for pattern in PATTERNS for path in sorted(ROOT.glob(pattern))]
    for path in (*found, *LINKED):
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    files.append(File.generated(config, "docs/params.md", content=params_page()))
    files.append(File.generated(config, "docs/gallery.md", content=gallery_page()))
    return files


def gallery_page() -> str:
    """Return a page with all pictures that evaluate draws, as they are now."""
    pictures = (
        f"## {title}\n\n![{title}](../plots/{name})\n"
        for name, title in GALLERY.items()
        if (ROOT / "plots" / name).exists()
    )
    return "# Gallery\n\nThe pictures that `dvc repro` drew for the committed models.\n\n" + "\n".join(pictures)


def params_page() -> str:
    """Return a page with the value, bounds and comment of every param, from params.yaml and its schema."""
    schema = Params.model_json_schema()
    page = [
        "# Params\n\n`params.yaml` holds every number that a result depends on. `dvc exp run -S key=value` changes one."
        " An unknown key or an impossible value stops the run with a one-line error that names the key."
    ]
    sections: list[str] = []
    comment: list[str] = []
    for line in (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            page += [f"\n{line}\n", "| key | value | bounds | what it controls |", "|---|---|---|---|"]
        elif found := re.fullmatch(r"( *)(\w+):(?: (.+))?", line):
            indent, name, value = found.groups()
            sections = [*sections[: len(indent) // 2], name]
            key = ".".join(sections)
            cells = [f"`{key}`", f"`{value}`" if value else "", bounds_of(key, schema), " ".join(comment)]
            page.append(f"| {' | '.join(cells)} |")
        comment = [*comment, line.strip(" #")] if line.lstrip().startswith("# ") else []
    return "\n".join(page) + "\n"


def bounds_of(key: str, schema: dict[str, Any]) -> str:
    """Return the allowed values of a param in words, from the JSON schema of all params."""
    node: dict[str, Any] = schema
    for name in key.split("."):
        node = resolved(node.get("properties", {}).get(name, {}), schema)
    choices = [*node.get("anyOf", []), node]
    said = [" or ".join(map(str, choice["enum"])) for choice in choices if "enum" in choice]
    said += [str(choice["const"]) for choice in choices if "const" in choice]
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    words |= {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}  # pydantic's names, below a validator
    for choice in choices:
        limits = [f"{word} {choice[name]:g}" for name, word in words.items() if name in choice]
        said += [", ".join(limits)] if limits else []
    return "; or ".join(said)


def resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a schema, looked up if it is a reference."""
    name = node.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else node
