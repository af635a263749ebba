"""Licences, checksums and attestations that programs read."""

import csv
import hashlib
import re
import sys
import tomllib

import pytest
import yaml
from helpers import ROOT
from license_expression import get_spdx_licensing

from timbre.describe.licences import spdx

sys.path.insert(0, str(ROOT / "scripts"))
import release_files

REUSE = tomllib.loads((ROOT / "REUSE.toml").read_text())["annotations"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = ROOT / "release" / "recordings" / "sources.csv"


def licence_of(path):
    """Return the expression of the last annotation in REUSE.toml that names a path of one file or folder."""
    return next(part["SPDX-License-Identifier"] for part in reversed(REUSE) if part["path"] in (path, "**"))


def is_valid(expression):
    known = re.sub(r"LicenseRef-[\w-]+", "MIT", expression)
    return not get_spdx_licensing().validate(known).errors


def test_every_expression_is_valid_and_every_text_is_in_the_repository():
    expressions = [part["SPDX-License-Identifier"] for part in REUSE]
    texts = {path.stem for path in (ROOT / "LICENSES").iterdir()}
    assert all(map(is_valid, [*expressions, PROJECT["license"]]))
    assert {name for text in expressions for name in re.split(r" AND | WITH ", text)} == texts


def test_the_package_has_the_licences_of_the_code_and_of_the_runtime():
    assert licence_of("src/timbre/weights") == "MIT"
    assert PROJECT["license"] == licence_of("src/timbre/page/runtime/**")


def test_every_source_of_released_recordings_has_a_licence():
    assert SOURCES.read_text() == release_files.sources(SOURCES.with_name("labels.csv")), (
        "run python scripts/release.py describe"
    )
    rows = list(csv.DictReader(SOURCES.open(encoding="utf-8")))
    assert rows and not [row for row in rows if row["spdx"] == "NOASSERTION" or not is_valid(row["spdx"])]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("CC0, Jane Doe (Melodic/Guitar (steel).sfz)", "CC0-1.0"),
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0"),
        ("CC BY, Freesound", "LicenseRef-CC-BY"),
        ("CC0 1.0 (Kit; LICENSE.md); CC BY 3.0 (Other)", "CC-BY-3.0 AND CC0-1.0"),
        ("GPL-2", "GPL-2.0-only"),
        ("CC0; all rights reserved", "NOASSERTION"),
        ("", "NOASSERTION"),
    ],
)
def test_a_licence_in_words_becomes_an_expression(text, expression):
    assert spdx(text) == expression
    assert expression == "NOASSERTION" or is_valid(expression)


def test_the_checksums_are_those_of_the_weights():
    text = (release_files.WEIGHTS / release_files.CHECKSUMS).read_text()
    assert text == release_files.checksums(release_files.weight_files()), "run python scripts/release.py describe"


def test_a_release_has_the_checksum_of_each_file_and_a_workflow_that_attests_them(tmp_path):
    (tmp_path / "timbre.whl").write_text("a wheel that was built before")
    release_files.write_assets(tmp_path)
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    named = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert named == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tmp_path.iterdir()
        if path.name != "SHA256SUMS"
    }
    assert named.keys() >= {"timbre.whl", "timbre.html", "timbre.onnx", "single.safetensors"}
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert workflow["permissions"].items() >= {"id-token": "write", "attestations": "write"}.items()
    steps = workflow["jobs"]["release"]["steps"]
    attest = next(step for step in steps if step.get("uses", "").startswith("actions/attest-build-provenance@"))
    assert attest["with"]["subject-path"] == "dist/*"
    assert {"run": "make wheel assets"} in steps[: steps.index(attest)]
