"""Read the files of a revision or experiment from git, and the outputs of its stages from the DVC cache."""

import json
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from timbre.core.errors import DataError
from timbre.evaluation.prediction_table import PredictionTable, read_predictions

WORKSPACE = "workspace"
LOCK = "dvc.lock"
DIRECTORY = ".dir"  # end of a folder's hash; its object lists the files


class Revision:
    """One revision of the repository around the current folder.

    Args:
        name: A name from `git log` or `dvc exp show`, or `workspace` for the files as they are.

    Raises:
        DataError: The name is empty, or there is no repository here.
    """

    def __init__(self, name: str) -> None:
        if not name.strip():
            raise DataError("an empty name is no revision; name one from git log or dvc exp show, or workspace")
        self.name, self.root = name, _root()

    def text(self, path: str) -> str:
        """Return the content of a file that git tracks.

        Raises:
            DataError: There is no such revision, or it has no such file.
        """
        if self.name != WORKSPACE:
            return _text_at(self.root, path, self.name)
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except OSError as error:
            raise DataError(f"{self.root / path}: cannot be read ({error.strerror}); run dvc repro") from error

    def predictions(self, task: str) -> PredictionTable:
        """Return the predictions of the test clips.

        Args:
            task: single, layered or music.

        Raises:
            DataError: There is no such revision, or it has no predictions.
        """
        path = f"plots/{task}_answers.csv"
        return read_predictions(self.text(path), path if self.name == WORKSPACE else f"{self.name}: {path}")

    @cached_property
    def stages(self) -> Mapping[str, Any]:
        """The stages of dvc.lock by name; empty without a dvc.lock."""
        try:
            return (yaml.safe_load(self.text(LOCK)) or {}).get("stages", {})
        except DataError:
            return {}

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The hash of each output of the stages, by path."""
        return {out["path"]: out.get("md5", "") for stage in self.stages.values() for out in stage.get("outs", [])}

    def files(self, folder: str) -> dict[str, str]:
        """Return the hash of each file of an output folder, by path below it; empty if it is not in the DVC cache."""
        listing = self._cached(self.outputs.get(folder, ""))
        if not self.outputs.get(folder, "").endswith(DIRECTORY) or not listing:
            return {}
        return {file["relpath"]: file["md5"] for file in json.loads(listing.read_text(encoding="utf-8"))}

    def file(self, path: str) -> Path | None:
        """Return a local copy of an output, or of a file in an output folder; None if it is not in the DVC cache."""
        folder, _, name = path.rpartition("/")
        found = self._cached(self.outputs.get(path) or self.files(folder).get(name, ""))
        if not found and self.name == WORKSPACE and (self.root / path).is_file():
            return self.root / path
        return found

    def _cached(self, md5: str) -> Path | None:
        if not md5:
            return None
        path = _cache(self.root) / md5[:2] / md5[2:]
        return path if path.is_file() else None


def _root() -> Path:
    current = Path.cwd()
    for folder in (current, *current.parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise DataError(f"{current}: no repository of Timbre in this folder or above; run timbre compare in a clone of it")


@cache
def _cache(root: Path) -> Path:
    """Return the folder of the DVC cache with the hashes of DVC 3."""
    from dvc.repo import Repo

    return Path(Repo(str(root)).cache.local.path)


def _text_at(root: Path, path: str, revision: str) -> str:
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import RevError, SCMError

    unknown = f"{revision}: no revision or experiment has this name; see git log and dvc exp show"
    try:
        return dvc.api.read(path, repo=str(root), rev=revision)
    except RevError as error:
        raise DataError(unknown) from error
    except SCMError as error:
        raise DataError(f"{revision}: git fails ({error}); run timbre compare in a git clone") from error
    except (DvcException, OSError) as error:
        raise DataError(f"{revision}: this revision has no {path}; see dvc exp show for others") from error
    except (AttributeError, ValueError) as error:  # DVC fails so if a name is known to git but is not a commit: `HEAD:`
        raise DataError(unknown) from error
