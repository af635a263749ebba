"""Compare two revisions: their clips, their scores, all combinations of model and test set, params and code."""

from dataclasses import dataclass, field

from timbre.compare.clips import TABLE, ClipChanges, clips_at, compare_clips
from timbre.compare.combinations import Combinations, combine, predict_combinations
from timbre.compare.lock import (
    TRAINING,
    changed_code,
    changed_inputs,
    changed_params,
    has_other_training_data,
)
from timbre.compare.revision import Revision
from timbre.compare.scores import ScoreComparison, compare_scores
from timbre.core.errors import DataError

TASKS = ("single", "layered")
SEED = 0
SHOWN_PARAMS = 5  # of the params of training that differ


@dataclass(frozen=True)
class TaskComparison:
    """One task in two revisions.

    Attributes:
        task: single or layered.
        scores: The scores of both revisions; None if they cannot be compared.
        combinations: The scores of all combinations; None if they are not needed or cannot be computed.
        cause: What the difference is due to, in words.
        notes: What could not be compared and why, one line each.
    """

    task: str
    scores: ScoreComparison | None
    combinations: Combinations | None
    cause: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """All differences between two revisions.

    Attributes:
        first, second: Names of the revisions.
        clips: Differences between the clips; None if they are not in the DVC cache.
        tasks: The tasks that either revision has predictions for.
        inputs: Input files and folders that differ.
        params: Params that differ, before and after, by key.
        code: Code dependencies that differ.
        notes: What could not be compared and why, one line each.
    """

    first: str
    second: str
    clips: ClipChanges | None
    tasks: list[TaskComparison]
    inputs: list[str]
    params: dict[str, tuple[object, object]]
    code: list[str]
    notes: list[str]


def compare_revisions(first: str, second: str) -> Comparison:
    """Compare two revisions or experiments; `workspace` means the files as they are.

    Raises:
        DataError: A revision does not exist or has no predictions.
    """
    old, new = Revision(first), Revision(second)
    clips, notes = _compare_data(old, new)
    return Comparison(
        first=first,
        second=second,
        clips=clips,
        tasks=[found for task in TASKS if (found := _compare_task(old, new, task, clips))],
        inputs=changed_inputs(old, new),
        params=changed_params(old, new),
        code=changed_code(old, new),
        notes=notes + [f"{each.name}: this revision has no dvc.lock" for each in (old, new) if not each.stages],
    )


def _compare_data(old: Revision, new: Revision) -> tuple[ClipChanges | None, list[str]]:
    before, after = clips_at(old), clips_at(new)
    if before is not None and after is not None:
        return compare_clips(before, after), []
    missing = [each.name for each, clips in ((old, before), (new, after)) if clips is None]
    return None, [f"{TABLE} of {' and '.join(missing)} is not in the DVC cache, so the clips cannot be compared"]


def _compare_task(old: Revision, new: Revision, task: str, clips: ClipChanges | None) -> TaskComparison | None:
    """Compare a task; None if no revision has predictions for it, because both were trained on music alone."""
    try:
        first, second = old.predictions(task), new.predictions(task)
    except DataError as error:
        if old.stages and new.stages:  # an old revision has no predictions, but data, params and code
            return TaskComparison(task, None, None, "", [str(error)])
        raise
    if not first.clips and not second.clips:
        return None
    try:
        scores = compare_scores(first, second, SEED, task, changed=clips.changed["bytes"] if clips else ())
    except DataError as error:
        return TaskComparison(task, None, None, "", [str(error)])
    if not first.clips or not second.clips:
        return TaskComparison(task, scores, None, "", ["one of the revisions has no test clips for this task"])
    same_model = _same(old, new, f"models/{task}.safetensors")
    same_test = not scores.only_first and not scores.only_second
    cause = _cause(old, new, task, same_model, same_test)
    if same_model or same_test:
        return TaskComparison(task, scores, None, cause)
    try:
        combinations = combine(predict_combinations(old, new, task), task, SEED)
    except DataError as error:
        note = f"{error}; so each model is only scored on its own test set"
        return TaskComparison(task, scores, None, cause, [note])
    return TaskComparison(task, scores, combinations, cause)


def _same(old: Revision, new: Revision, path: str) -> bool:
    return bool(old.outputs.get(path)) and old.outputs.get(path) == new.outputs.get(path)


def _cause(old: Revision, new: Revision, task: str, same_model: bool, same_test: bool) -> str:
    """Return what a difference in scores is due to, in words."""
    if same_model:
        return f"the models are the same{' and so are the test sets' if same_test else '; the test sets differ'}"
    tests = f"the test sets {'are the same' if same_test else 'differ'}"
    if not old.stages or not new.stages:
        return tests
    stages = TRAINING[task]
    causes = ["training data"] if has_other_training_data(old, new) else []
    if params := list(changed_params(old, new, stages)):
        listed = ", ".join(params[:SHOWN_PARAMS]) + (", …" if len(params) > SHOWN_PARAMS else "")
        causes.append(f"params ({listed})")
    if changed_code(old, new, stages):
        causes.append("code")
    return f"{tests}; the models differ in {', '.join(causes) or 'neither training data, params nor code'}"
