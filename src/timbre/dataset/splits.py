"""Train, validation and test, divided by recording: whatever shares a group stays together."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.params import Splits
from timbre.core.partial_labels import MUSIC, is_partial, present_and_absent
from timbre.core.rng import generator
from timbre.core.tables import SPLITS, Clip, Issue
from timbre.dataset.groups import are_kaggles, own_group, rule_of

TEST_SHARE = 0.2  # of each instrument, where the data set brings no test clips
IN_MUSIC = "{} in music"
ORDERS = 20  # orders tried; the one that comes nearest is kept


def assign_splits(
    clips: Sequence[Clip],
    instruments: Sequence[str],
    seed: int,
    splits: Splits,
    near_duplicates: Sequence[tuple[str, str]] = (),
) -> tuple[list[Clip], list[Issue]]:
    """Give every clip its group, and move whole groups from train to validation.

    A group named in the metadata wins over what the file's name tells, which is a group of its own but where the
    names are Kaggle's. Without any test clips, a fifth of each instrument's clips become the test split, by whole
    groups too, and so it is with labelled music by itself. The result does not depend on the order of `clips`.

    Args:
        clips: of train and test.
        instruments: what they may be of, beside other.
        seed: draws which groups are moved.
        splits: `validation` is the share of each instrument's train clips to move, met as nearly as whole groups
            allow; `keep_test_groups` keeps train clips whose group also stands in test, and moves none of
            these; `by: file` takes every file for a group of its own, to show what that leaks.
        near_duplicates: pairs of files that sound the same, which makes one group of their two.

    Returns:
        Clips sorted by file, and an issue for each that was dropped and each pair that joined two groups.

    Raises:
        DataError: an instrument has too few groups to be in every split; the text says what joined its clips.
    """
    clips = sorted(clips, key=lambda clip: clip.file)
    named = _name_groups(clips, splits.by)
    groups, issues = _join_duplicates({file: found.group for file, found in named.items()}, near_duplicates)
    clips = [replace(clip, group=groups[clip.file]) for clip in clips]
    dropped: list[Issue] = []
    grouped = clips
    wanted = {(_kind(clip), split) for clip in clips if clip.split == "train" for split in ("train", "validation")}
    if not splits.keep_test_groups:
        clips, dropped = _drop_test_groups(clips)
    tested = {is_partial(clip.label) for clip in clips if clip.split == "test"}
    if untested := [clip for clip in clips if is_partial(clip.label) not in tested]:
        wanted |= {(_kind(clip), "test") for clip in untested}
        fixed = {clip.group for clip in clips if is_partial(clip.label) in tested}
        clips = _move_groups(clips, instruments, "test", TEST_SHARE, seed, spare=2, fixed=fixed)
    clips = _move_groups(clips, instruments, "validation", splits.validation, seed, spare=1)
    if lacking := _first_lacking(clips, instruments, wanted):
        label, split = lacking
        joined = _how_joined([clip for clip in grouped if _kind(clip) == label], named)
        raise DataError(
            f"splits: {label} has too few recordings{' apart from those in test' if dropped else ''} "
            f"to give {split} one of its own: {joined}; "
            f"add some, name finer groups in a Group column of Metadata_Train.csv"
            f"{', or set splits.keep_test_groups: true' if dropped else ''}"
        )
    return clips, issues + dropped


class Named(NamedTuple):
    """A clip's group before sounds are compared, and what named it."""

    group: str
    by: str


def _name_groups(clips: Sequence[Clip], by: str) -> dict[str, Named]:
    """The group of each file, by the metadata, a rule for its name, or itself."""
    is_kaggles = by == "recording" and are_kaggles(clip.file for clip in clips)

    def named(clip: Clip) -> Named:
        if by == "file":
            return Named(clip.file, "file")
        if clip.group:
            return Named(clip.group, "the column Group")
        known = rule_of(clip.file) if is_kaggles else None
        if known:
            return Named(known[1], f"Kaggle's rule {known[0].name!r}")
        return Named(own_group(clip.file), "the same name")

    return {clip.file: named(clip) for clip in clips}


def _join_duplicates(
    groups: Mapping[str, str], near_duplicates: Sequence[tuple[str, str]]
) -> tuple[dict[str, str], list[Issue]]:
    """Join the groups of files that sound the same; a joined group goes by the first of their names."""
    joined = {group: group for group in groups.values()}

    def first_of(group: str) -> str:
        while joined[group] != group:
            joined[group] = joined[joined[group]]  # so that no chain grows long
            group = joined[group]
        return group

    issues = []
    for first, second in sorted(tuple(sorted(pair)) for pair in near_duplicates if groups.keys() >= set(pair)):
        one, other = sorted((first_of(groups[first]), first_of(groups[second])))
        if one != other:
            joined[other] = one
            reason = f"sounds the same as {second}; their groups {one!r} and {other!r} stay in one split"
            issues.append(Issue(first, "sounds alike", "reported", reason))
    return {file: first_of(group) for file, group in groups.items()}, issues


def _drop_test_groups(clips: Sequence[Clip]) -> tuple[list[Clip], list[Issue]]:
    """Drop train clips whose group stands in test."""
    tested = {clip.group: clip.file for clip in reversed(clips) if clip.split == "test"}
    shared = [clip for clip in clips if clip.split == "train" and clip.group in tested]
    issues = [
        Issue(clip.file, "group in test", "dropped", f"group {clip.group!r} stands in test ({tested[clip.group]})")
        for clip in shared
    ]
    dropped = {clip.file for clip in shared}
    return [clip for clip in clips if clip.file not in dropped], issues


def _move_groups(
    clips: Sequence[Clip],
    instruments: Sequence[str],
    split: str,
    share: float,
    seed: int,
    spare: int,
    fixed: Collection[str] = (),
) -> list[Clip]:
    """Move about `share` of each instrument's train clips to `split`, and leave it `spare` groups or more.

    Groups that are `fixed`, or stand in another split, stay. An instrument counts in labelled music by itself.
    """
    train = [clip for clip in clips if clip.split == "train"]
    fixed = {*fixed, *(clip.group for clip in clips if clip.split != "train")}
    sizes: dict[str, Counter] = {}
    for clip in train:
        sizes.setdefault(clip.group, Counter()).update([_kind(clip), *_in_music(clip)])
    names = sorted(sizes)
    classes = (*instruments, OTHER)
    if any(is_partial(clip.label) for clip in train):
        classes += (MUSIC, *map(IN_MUSIC.format, instruments))
    counts = np.array([[sizes[name][label] for label in classes] for name in names]).reshape(-1, len(classes))
    movable = np.array([name not in fixed for name in names], bool)
    draws = [_draw(counts, movable, share, spare, generator(seed, "splits", split, draw)) for draw in range(ORDERS)]
    best = min(draws, key=lambda chosen: _distance(counts[chosen].sum(0), counts.sum(0), share))
    moved = {name for name, chosen in zip(names, best, strict=True) if chosen}
    return [replace(clip, split=split) if clip.split == "train" and clip.group in moved else clip for clip in clips]


def _kind(clip: Clip) -> str:
    return MUSIC if is_partial(clip.label) else clip.label


def _in_music(clip: Clip) -> list[str]:
    """Of labelled music, what plays in it."""
    return [IN_MUSIC.format(name) for name in present_and_absent(clip.label)[0]] if is_partial(clip.label) else []


def _draw(counts: np.ndarray, movable: np.ndarray, share: float, spare: int, rng: np.random.Generator) -> np.ndarray:
    """Choose groups in a random order: first all that still fit, then any that brings the shares nearer.

    Args:
        counts: clips of each group and instrument, int `[groups, classes]`.
        movable: groups that may be chosen, bool `[groups]`.
        share: wanted of each instrument.
        spare: groups of each instrument to leave.
        rng: draws the order.

    Returns:
        The groups chosen, bool `[groups]`.
    """
    totals = counts.sum(0)
    left = (counts > 0).sum(0)
    taken = np.zeros_like(totals)
    chosen = np.zeros(len(counts), bool)
    order = rng.permutation(len(counts))
    for may_exceed in (False, True):
        for group in order[movable[order] & ~chosen[order]]:
            size = counts[group]
            more = taken + size
            if may_exceed:
                is_better = _distance(more, totals, share) < _distance(taken, totals, share)
            else:
                is_better = (more <= share * totals)[size > 0].all()
            if is_better and (left > spare)[size > 0].all():
                chosen[group] = True
                taken, left = more, left - (size > 0)
    return chosen


def _distance(taken: np.ndarray, totals: np.ndarray, share: float) -> tuple[int, float]:
    """How far a choice is from `share`: first instruments with nothing at all, then shares too many or too few."""
    held = totals > 0
    misses = np.abs(taken[held] / totals[held] - share)
    return int((taken[held] == 0).sum()), float(misses.sum())


def _first_lacking(
    clips: Sequence[Clip], instruments: Sequence[str], wanted: set[tuple[str, str]]
) -> tuple[str, str] | None:
    """An instrument and a split that has none of its clips, though wanted; None where all is there."""
    lacking = wanted - {(_kind(clip), clip.split) for clip in clips}
    labels = (*instruments, MUSIC)
    return next(((label, split) for label in labels for split in SPLITS if (label, split) in lacking), None)


def _how_joined(clips: Sequence[Clip], named: Mapping[str, Named]) -> str:
    """What joined how many of some clips into how few recordings: each namer of groups, then sound."""
    files: dict[str, list[str]] = {}
    for clip in clips:
        files.setdefault(named[clip.file].by, []).append(named[clip.file].group)
    steps = [(by, len(groups), len(set(groups))) for by, groups in files.items()]
    steps.append(
        ("sounding alike", len({named[clip.file].group for clip in clips}), len({clip.group for clip in clips}))
    )
    joined = [f"{by} joined {before} into {after}" for by, before, after in steps if after < before]
    return ", ".join([f"it has {len(clips)} clips", *joined])
