"""Write a comparison as text, as Markdown or as values that JSON has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from timbre.compare.clips import KINDS, ClipChanges
from timbre.compare.combinations import NEW, OLD, Combinations
from timbre.compare.comparison import Comparison, TaskComparison
from timbre.compare.scores import ScoreComparison, verdict
from timbre.core.printable import printable
from timbre.core.tables import DIGITS
from timbre.evaluation.bootstrap import Interval

SHOWN = 10  # names in a list


@dataclass(frozen=True)
class Block:
    """A part of a report: a title, a table and notes."""

    title: str
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def blocks_of(comparison: Comparison) -> list[Block]:
    """Return the parts of a report in order: data, scores of each task, params and code."""
    names = f"{comparison.first} -> {comparison.second}"
    blocks = [_data_block(names, comparison)]
    for task in comparison.tasks:
        blocks += _task_blocks(names, task)
    params = [[key, _shown(before), _shown(after)] for key, (before, after) in comparison.params.items()]
    blocks.append(Block(f"params: {names}", [["param", "before", "after"], *params] if params else [], _none(params)))
    blocks.append(Block(f"code: {names}", notes=_names(comparison.code) or ["no difference"]))
    return blocks


def _none(rows: Sequence[object]) -> list[str]:
    return [] if rows else ["no difference"]


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value) or '""'


def _data_block(names: str, comparison: Comparison) -> Block:
    notes = list(comparison.notes)
    rows: list[list[str]] = []
    if comparison.inputs:
        notes.append(f"inputs that differ: {', '.join(comparison.inputs)}")
    if clips := comparison.clips:
        rows, listed = _clip_rows(clips), [kind for kind in KINDS if clips.changed[kind]]
        for kind in listed:
            notes += [f"{_heading(kind)}: {len(clips.changed[kind])}", *_indented(_names(clips.changed[kind]))]
        if clips.renamed:
            notes.append(f"renamed, with the same bytes: {clips.renamed}")
        if not listed and not clips.renamed:
            rows, notes = [], [*notes, f"the same {sum(clips.after.values())} clips"]
    return Block(f"data: {names}", rows, notes)


def _heading(kind: str) -> str:
    return kind if kind in ("added", "removed") else f"other {kind}"


def _clip_rows(clips: ClipChanges) -> list[list[str]]:
    header = ["label", "before", "after", *map(_heading, KINDS)]
    rows = [
        [label, *(str(counts.get(label, 0)) for counts in (clips.before, clips.after, *clips.counts.values()))]
        for label in clips.labels
    ]
    total = ["all", *(str(sum(counts.values())) for counts in (clips.before, clips.after, *clips.counts.values()))]
    return [header, *rows, total]


def _task_blocks(names: str, task: TaskComparison) -> list[Block]:
    title = f"{task.task}: {names}"
    if task.scores is None:
        return [Block(title, notes=task.notes)]
    blocks = [_score_block(title, task.scores, [*([task.cause] if task.cause else []), *task.notes])]
    if task.scores.new_clips:
        rows = [[name, _value(found)] for name, found in task.scores.new_clips.items()]
        clips = f"{task.scores.only_second} test clips that only the second revision has"
        blocks.append(Block(f"{task.task}: {clips}", [["metric", "value"], *rows]))
    if task.combinations:
        blocks.append(_combination_block(task.task, task.combinations))
    return blocks


def _score_block(title: str, scores: ScoreComparison, notes: list[str]) -> Block:
    if not scores.shared:
        return Block(title, notes=["the revisions share no test clip", *notes])
    left_out = scores.only_first + scores.only_second
    only = f"; {left_out} that only one of them has are left out" if left_out else ""
    header = ["metric", "before", "after", "change", "95 % interval", "verdict"]
    rows = [
        [
            name,
            f"{before:.4f}",
            f"{before + change.value:.4f}",
            f"{change.value:+.4f}",
            f"[{change.low:+.4f}, {change.high:+.4f}]",
            verdict(change),
        ]
        for name, (before, change) in scores.metrics.items()
    ]
    for words, clips in (("now right", scores.fixed), ("now wrong", scores.broken)):
        notes = [*notes, f"{words}: {len(clips)} clip{'' if len(clips) == 1 else 's'}", *_indented(_names(clips))]
    return Block(f"{title}, paired over {scores.shared} test clips{only}", [header, *rows], notes)


def _combination_block(task: str, found: Combinations) -> Block:
    header = [found.metric, "old test set", "new test set", "new - old test set"]
    rows = [
        [
            f"{model} model",
            *(_value(found.scores[model, test]) for test in (OLD, NEW)),
            _change(found.test_change[model]),
        ]
        for model in (OLD, NEW)
    ]
    rows.append(["new - old model", *(_change(found.model_change[test]) for test in (OLD, NEW)), ""])
    return Block(f"{task}: old and new model on old and new test set", [header, *rows])


def _value(found: Interval) -> str:
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def _change(found: Interval) -> str:
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}] ({verdict(found)})"


def _names(names: Sequence[str]) -> list[str]:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [*map(printable, names[:SHOWN]), *more]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def as_text(comparison: Comparison) -> str:
    """Return a comparison as text for people."""
    return "\n\n".join(_block_as_text(block) for block in blocks_of(comparison))


def _block_as_text(block: Block) -> str:
    widths = [max(map(len, column)) for column in zip(*block.rows, strict=True)]
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in block.rows
    ]
    return "\n".join([block.title, *_indented([*rows, *block.notes])])


def as_markdown(comparison: Comparison) -> str:
    """Return a comparison as Markdown."""
    return "\n\n".join(_block_as_markdown(block) for block in blocks_of(comparison))


def _block_as_markdown(block: Block) -> str:
    lines = [f"## {block.title}", ""]
    for number, row in enumerate(block.rows):
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |")
        if number == 0:
            lines.append("|---" * len(row) + "|")
    if block.rows and block.notes:
        lines.append("")
    return "\n".join([*lines, *(f"{note[: len(note) - len(note.lstrip())]}- {note.lstrip()}" for note in block.notes)])


def as_values(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as values that JSON has."""
    return {
        "first": comparison.first,
        "second": comparison.second,
        "clips": asdict(comparison.clips) if comparison.clips else None,
        "tasks": {task.task: _task_values(task) for task in comparison.tasks},
        "inputs": comparison.inputs,
        "params": {key: {"before": before, "after": after} for key, (before, after) in comparison.params.items()},
        "code": comparison.code,
        "notes": comparison.notes,
    }


def _task_values(task: TaskComparison) -> dict[str, object]:
    values: dict[str, object] = {"cause": task.cause, "notes": task.notes}
    if scores := task.scores:
        values |= {
            "shared": scores.shared,
            "only_first": scores.only_first,
            "only_second": scores.only_second,
            "metrics": {
                name: {"before": round(before, DIGITS), "change": _bounds(change), "verdict": verdict(change)}
                for name, (before, change) in scores.metrics.items()
            },
            "now_right": scores.fixed,
            "now_wrong": scores.broken,
            "new_clips": _all_bounds(scores.new_clips),
        }
    if found := task.combinations:
        values["combinations"] = {
            "metric": found.metric,
            "scores": _all_bounds(
                {f"{model} model, {test} test set": each for (model, test), each in found.scores.items()}
            ),
            "model_change": _all_bounds({f"{test} test set": each for test, each in found.model_change.items()}),
            "test_change": _all_bounds({f"{model} model": each for model, each in found.test_change.items()}),
        }
    return values


def _all_bounds(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    return {name: _bounds(found) for name, found in intervals.items()}


def _bounds(found: Interval) -> dict[str, float | None]:
    return {
        bound: round(float(value), DIGITS) if np.isfinite(value) else None for bound, value in found._asdict().items()
    }
