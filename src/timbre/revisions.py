"""The answers of other revisions and experiments, as git holds them."""

from pathlib import Path

from timbre.compare import Answers, read_answers
from timbre.errors import DataError

WORKSPACE = "workspace"


def answers_at(revision: str, task: str) -> Answers:
    """Read the answers to the test clips of one task, single or layered.

    Args:
        revision: what git or `dvc exp show` knows, or `workspace` for the files as they are.
        task: single or layered.

    Raises:
        DataError: there is no such revision, or it has no answers.
    """
    path = f"plots/{task}_answers.csv"
    if revision == WORKSPACE:
        try:
            return read_answers(Path(path).read_text(encoding="utf-8"), path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); run dvc repro") from error
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        return read_answers(dvc.api.read(path, repo=".", rev=revision), f"{revision}: {path}")
    except (DvcException, SCMError, OSError) as error:
        raise DataError(f"{revision}: no revision or experiment with {path}; see dvc exp show") from error
