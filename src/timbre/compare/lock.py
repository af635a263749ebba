"""Find the params, code and input files that differ between the dvc.lock of two revisions."""

from collections.abc import Iterator, Mapping
from typing import Any

from timbre.compare.revision import Revision

TRAINING = {"single": ("train_layered", "train_single"), "layered": ("train_layered",)}  # stages, by task
CODE = ("src/", "stages/")
DATA = ("data/mels", "data/layered")
ABSENT = "(none)"


def changed_params(first: Revision, second: Revision, stages: tuple[str, ...] = ()) -> dict[str, tuple[object, object]]:
    """Return the params that differ, before and after, by key. `stages` limits them to some stages."""
    old, new = (dict(_params(revision, stages)) for revision in (first, second))
    keys = sorted({*old, *new})
    return {key: (old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys if old.get(key) != new.get(key)}


def _params(revision: Revision, stages: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for stage in _chosen(revision, stages):
        for values in stage.get("params", {}).values():
            yield from _flat(values)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value with its dotted key."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def changed_code(first: Revision, second: Revision, stages: tuple[str, ...] = ()) -> list[str]:
    """Return the code dependencies that differ. `stages` limits them to some stages."""
    return [path for path in _changed_dependencies(first, second, stages) if path.startswith(CODE)]


def changed_inputs(first: Revision, second: Revision) -> list[str]:
    """Return the files and folders that stages read, but no stage writes and that are not code, and that differ."""
    outputs = {*first.outputs, *second.outputs}
    return [
        path
        for path in _changed_dependencies(first, second, ())
        if not path.startswith(CODE) and not any(path == out or path.startswith(f"{out}/") for out in outputs)
    ]


def has_other_training_data(first: Revision, second: Revision) -> bool:
    """Return whether train or validation differ; without the DVC cache, whether any split differs."""
    for folder in DATA:
        old, new = (_training_files(revision, folder) for revision in (first, second))
        if old and new:
            if old != new:
                return True
        elif first.outputs.get(folder) != second.outputs.get(folder):
            return True
    return False


def _training_files(revision: Revision, folder: str) -> dict[str, str]:
    return {name: md5 for name, md5 in revision.files(folder).items() if not name.startswith("test.")}


def _changed_dependencies(first: Revision, second: Revision, stages: tuple[str, ...]) -> list[str]:
    old, new = (
        {dep["path"]: dep.get("md5") for stage in _chosen(revision, stages) for dep in stage.get("deps", [])}
        for revision in (first, second)
    )
    return sorted(path for path in {*old, *new} if old.get(path) != new.get(path))


def _chosen(revision: Revision, stages: tuple[str, ...]) -> list[Mapping[str, Any]]:
    return [stage for name, stage in revision.stages.items() if not stages or name in stages]
