"""Croissant metadata: a data set's files, tables, licences and limits, for other programs (mlcommons.org/croissant)."""

import hashlib
import json
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from timbre.describe.licences import UNKNOWN, spdx

SPDX = "https://spdx.org/licenses/"
TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
}
CITATION = "@software{timbre, author = {{The Timbre contributors}}, title = {Timbre}}"


class Table(NamedTuple):
    """A CSV file of a data set. Its rows are records.

    Attributes:
        name: The name of the record set.
        file: The path below the folder of the metadata.
        description: What a row is.
        columns: The type (Text, Integer, Float or URL) and the description of each column.
    """

    name: str
    file: str
    description: str
    columns: Mapping[str, tuple[str, str]]


def dataset(
    folder: Path, tables: Sequence[Table], licences: Iterable[str], about: Mapping[str, Any], audio: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the metadata of a data set.

    Args:
        folder: The folder of the metadata. It contains the tables.
        tables: The CSV files.
        licences: The licences of the data, in words.
        about: Further properties: name, description, version, and those of responsible AI (`rai:…`).
        audio: Paths of the audio files below the folder.
    """
    patterns = sorted({f"{name.partition('/')[0]}/*{PurePosixPath(name).suffix}" for name in audio})
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "citeAs": CITATION,
        "creator": {"@type": "sc:Organization", "name": "The Timbre contributors"},
        "license": sorted({url for text in licences for url in _urls(spdx(text))}),
        **about,
        "distribution": [*(_file(folder, table) for table in tables), *map(_audio, patterns)],
        "recordSet": [_record_set(table) for table in tables],
    }


def _urls(expression: str) -> list[str]:
    """Return the address of each licence that SPDX lists, and the name of each other one."""
    names = expression.split(" AND ")
    return [name if name == UNKNOWN or name.startswith("LicenseRef") else SPDX + name for name in names]


def _file(folder: Path, table: Table) -> dict[str, str]:
    content = (folder / table.file).read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": table.file,
        "name": table.file.rpartition("/")[2],
        "contentUrl": table.file,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _audio(pattern: str) -> dict[str, str]:
    """Return the audio files with one suffix. `*` also matches `/`."""
    kind = mimetypes.guess_type(pattern)[0] or "application/octet-stream"
    return {"@type": "cr:FileSet", "@id": pattern, "name": pattern, "encodingFormat": kind, "includes": pattern}


def _record_set(table: Table) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.description,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{table.name}/{column}",
                "name": column,
                "description": description,
                "dataType": f"sc:{kind}",
                "source": {"fileObject": {"@id": table.file}, "extract": {"column": column}},
            }
            for column, (kind, description) in table.columns.items()
        ],
    }


def as_text(metadata: Mapping[str, Any]) -> str:
    """Return metadata as the text of a JSON file."""
    return json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"
