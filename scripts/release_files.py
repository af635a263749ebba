"""What a release says about its files: checksums, and the licences and metadata of its recordings."""

import csv
import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from timbre.describe.croissant import Table, as_text, dataset
from timbre.describe.licences import spdx

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "src" / "timbre" / "weights"
RECORDINGS = ROOT / "release" / "recordings"
CHECKSUMS = "SHA256SUMS"  # `sha256sum --check SHA256SUMS` reads it
TABLES = (
    Table(
        "recordings",
        "labels.csv",
        "A recording of one instrument. Recordings of one source and group are in one split.",
        {
            "path": ("Text", "The path of the recording in its folder."),
            "label": ("Text", "The instrument; other: and a name for those that the models do not name."),
            "source": ("Text", "The collection that it comes from."),
            "licence": ("Text", "Its licence, in words."),
            "group": ("Text", "The performance, kit or session that it belongs to."),
            "split": ("Text", "Train or validation, in the training of the released weights."),
            "note": ("Text", "What is played, and what was done to the original."),
        },
    ),
    Table(
        "sources",
        "sources.csv",
        "A licence of a source.",
        {
            "source": ("Text", "The collection."),
            "spdx": ("Text", "The licence, as an SPDX expression."),
            "licence": ("Text", "The licence, in words."),
            "recordings": ("Integer", "The number of recordings."),
        },
    ),
    Table(
        "originals",
        "originals.csv",
        "A file that recordings were cut from, in a public repository on GitHub.",
        {
            "repository": ("Text", "The owner and name of the repository."),
            "commit": ("Text", "The commit."),
            "path": ("Text", "The path of the file in the repository."),
            "sha256": ("Text", "The SHA-256 of the file, in hexadecimal digits."),
            "bytes": ("Integer", "The size in bytes."),
        },
    ),
)
ABOUT = {
    "name": "timbre-release-recordings",
    "description": (
        "The list of openly licensed recordings behind Timbre's released weights: labels, groups, licences, and where "
        "the originals are. The sound is not included."
    ),
    "version": "1.0.0",
    "keywords": ["music", "instrument recognition", "recordings"],
    "rai:dataCollection": "Openly licensed recordings of one instrument each were chosen from public collections.",
    "rai:dataCollectionType": ["Secondary Data Analysis", "Manual Human Curation"],
    "rai:dataPreprocessingProtocol": ["Originals were cut to at most 8 s (phrases: 20 s), mono, at 24 kHz."],
    "rai:dataAnnotationProtocol": ["Each label is the instrument that the collection names."],
    "rai:dataUseCases": ["Training of instrument recognition, together with rendered phrases."],
    "rai:dataLimitations": ["A source is one player in one room. Some sources have a few notes only."],
    "rai:dataBiases": ["Instruments are those of Western music. There are more notes than performances."],
    "rai:personalSensitiveInformation": ["None is known. Names in the licences are credits."],
    "rai:dataReleaseMaintenancePlan": "The list changes only when the released weights are trained again.",
}


def checksums(paths: Iterable[Path]) -> str:
    """Return a line with SHA-256 and name for each file, in alphabetical order, as `sha256sum` prints it."""
    named = sorted(paths, key=lambda path: path.name)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in named)


def weight_files() -> list[Path]:
    """Return the files with the released weights."""
    return [*WEIGHTS.glob("*.safetensors"), *WEIGHTS.glob("*.onnx")]


def sources(labels: Path) -> str:
    """Return a CSV table with the licence of each source in a labels.csv, as an SPDX expression and in words."""
    with labels.open(encoding="utf-8", newline="") as file:
        counts = Counter((row["source"], spdx(row["licence"]), row["licence"]) for row in csv.DictReader(file))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source", "spdx", "licence", "recordings"))
    writer.writerows((*key, count) for key, count in sorted(counts.items()))
    return text.getvalue()


def croissant() -> str:
    """Return Croissant metadata of the released recordings."""
    with (RECORDINGS / "labels.csv").open(encoding="utf-8", newline="") as file:
        licences = {row["licence"] for row in csv.DictReader(file)}
    return as_text(dataset(RECORDINGS, TABLES, licences, ABOUT))


def describe() -> None:
    """Write the checksums of the released weights, and the sources and metadata of the released recordings."""
    (WEIGHTS / CHECKSUMS).write_text(checksums(weight_files()), encoding="utf-8", newline="\n")
    (RECORDINGS / "sources.csv").write_text(sources(RECORDINGS / "labels.csv"), encoding="utf-8", newline="\n")
    (RECORDINGS / "croissant.json").write_text(croissant(), encoding="utf-8", newline="\n")


def write_assets(folder: Path) -> None:
    """Add weights, ONNX file, model card and page to a folder, and the checksums of all its files."""
    from timbre.page.write import write_page

    folder.mkdir(exist_ok=True)
    for path in weight_files():
        shutil.copyfile(path, folder / path.name)
    shutil.copyfile(WEIGHTS / "README.md", folder / "MODEL_CARD.md")
    write_page(folder / "timbre.html", WEIGHTS)
    files = [path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS]
    (folder / CHECKSUMS).write_text(checksums(files), encoding="utf-8", newline="\n")
