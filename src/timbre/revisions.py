"""The answers of other revisions and experiments, as git holds them."""

from pathlib import Path

from timbre.core.errors import DataError
from timbre.evaluation.prediction_table import PredictionTable, read_predictions

WORKSPACE = "workspace"


def predictions_at(revision: str, task: str) -> PredictionTable:
    """Read the answers to the test clips of one task, single or layered, of the repository around this folder.

    Args:
        revision: what git or `dvc exp show` knows, or `workspace` for the files as they are.
        task: single or layered.

    Raises:
        DataError: this is no repository, there is no such revision, or it has no answers.
    """
    root, path = _root(), f"plots/{task}_answers.csv"
    if not revision.strip():
        raise DataError("an empty name is no revision; name one that git log or dvc exp show has, or workspace")
    if revision == WORKSPACE:
        try:
            return read_predictions((root / path).read_text(encoding="utf-8"), path)
        except OSError as error:
            raise DataError(f"{root / path}: cannot be read ({error.strerror}); run dvc repro") from error
    return read_predictions(_text_at(root, path, revision), f"{revision}: {path}")


def _root() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise DataError(f"{here}: no repository of Timbre here or above; run timbre compare in a clone of it")


def _text_at(root: Path, path: str, revision: str) -> str:
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import RevError, SCMError

    try:
        return dvc.api.read(path, repo=str(root), rev=revision)
    except SCMError as error:
        if isinstance(error, RevError):
            raise DataError(f"{revision}: no revision or experiment; see git log and dvc exp show") from error
        raise DataError(f"{revision}: git cannot be asked ({error}); run timbre compare in a git clone") from error
    except (DvcException, OSError) as error:
        raise DataError(f"{revision}: a revision without {path}; see dvc exp show for others") from error
    except (AttributeError, ValueError) as error:  # DVC's own, of what git knows but is no commit, such as HEAD:
        raise DataError(f"{revision}: no revision or experiment; see git log and dvc exp show") from error
