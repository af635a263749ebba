"""What the site takes from elsewhere in the repository: pages that lie beside what they are about, pictures, params."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from timbre.core.params import Params

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/RESULTS.md": "speed.md",
    "benchmarks/ABLATION.md": "ablation.md",
    "benchmarks/GROWTH.md": "growth.md",
    "src/timbre/weights/README.md": "card.md",
}
GALLERY = {
    "mels.png": "Mel spectrograms of test clips, three of each instrument",
    "timeline.png": "The song whose timeline errs most, against its truth",
    "layered_answers.png": "The layered test clips answered worst",
    "single_answers.png": "Clips of one instrument alone, expected and predicted",
    "curves.png": "Precision against recall, F1 against level, reliability",
    "data.png": "The data: clips of each split, lengths, rates",
}
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures, and turn links between files of the repository into links of the site."""
    for path in sorted((ROOT / "plots").glob("*.png")):
        files.append(File.generated(config, f"plots/{path.name}", content=path.read_bytes()))
    texts = {source: (ROOT / source).read_text(encoding="utf-8") for source in PAGES}
    texts |= {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    for source, text in texts.items():
        target = PAGES.get(source, source.removeprefix("docs/"))
        linked = with_links(text, source, files)
        if source not in PAGES and linked == text:
            continue
        if old := files.get_file_from_path(target):
            files.remove(old)
        files.append(File.generated(config, target, content=linked))
    files.append(File.generated(config, "params.md", content=params_page()))
    files.append(File.generated(config, "gallery.md", content=gallery_page()))
    return files


def with_links(text: str, source: str, files: Files) -> str:
    """A page's text with links to files of the repository led to the site's, or where it has none, left as names."""
    here = posixpath.dirname(PAGES.get(source, source.removeprefix("docs/")))

    def led(link: re.Match[str]) -> str:
        start, target, anchor = link[1], link[2], link[3] or ""
        if re.match(r"\w+:", target) or (source.startswith("docs/") and files.get_file_from_path(target)):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        place = PAGES.get(path, path.removeprefix("docs/"))
        return f"{start}{posixpath.relpath(place, here or '.')}{anchor})"

    text = LINK.sub(led, text)
    known = {*PAGES.values(), "params.md", "gallery.md", *(file.src_uri for file in files)}
    return re.sub(
        r"(?<!!)\[([^\]]+)\]\(([^)\s:#]+)(?:#[^)]*)?\)",
        lambda link: link[0] if posixpath.normpath(posixpath.join(here, link[2])) in known else link[1],
        text,
    )


def gallery_page() -> str:
    """All pictures that evaluate draws, as they are now."""
    pictures = (
        f"## {title}\n\n![{title}](plots/{name})\n"
        for name, title in GALLERY.items()
        if (ROOT / "plots" / name).exists()
    )
    return "# Gallery\n\nWhat `dvc repro` drew of the committed models.\n\n" + "\n".join(pictures)


def params_page() -> str:
    """Every param with its value, bounds and comment, from params.yaml and its schema."""
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    schema, rows = Params.model_json_schema(), []
    section, comment_at = "", 0
    for line in lines:
        found = re.match(r"( *)(\w+):(?: ([^#]*?))?\s*(?:# (.*))?$", line)
        if found and not line.startswith("#"):
            depth, name, value, comment = found.groups()
            parents = section.split(".")[: len(depth) // 2] if section else []
            key = ".".join([*parents, name])
            if not (value or "").strip():
                section = key
            comment_at = line.find("#")
            rows.append([key, (value or "").strip(), bounds_of(key, schema), comment or ""])
        elif rows and comment_at > 0 and re.fullmatch(r" {4,}# .*", line):
            rows[-1][3] += " " + line.split("# ", 1)[1]
    table = "\n".join(
        f"| `{key}` | {f'`{value}`' if value else ''} | {bounds} | {comment} |" for key, value, bounds, comment in rows
    )
    return (
        "# Params\n\nEvery number that a result depends on, as `params.yaml` has it. `dvc exp run -S key=value` "
        "changes one; a key or a value that cannot be is refused in one line that names it.\n\n"
        f"| key | value | bounds | what it is |\n|---|---|---|---|\n{table}\n"
    )


def bounds_of(key: str, schema: dict[str, Any]) -> str:
    """What a param may be, in words, from the JSON schema of all."""
    node: dict[str, Any] = schema
    for name in key.split("."):
        node = resolved(node.get("properties", {}).get(name, {}), schema)
    choices = [*node.get("anyOf", []), node]
    said = [" or ".join(map(str, choice["enum"])) for choice in choices if "enum" in choice]
    said += [str(choice["const"]) for choice in choices if "const" in choice]
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    for choice in choices:
        limits = [f"{word} {choice[name]:g}" for name, word in words.items() if name in choice]
        said += [", ".join(limits)] if limits else []
    return "; or ".join(said)


def resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A part of a schema, looked up where it only names another."""
    name = node.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else node
