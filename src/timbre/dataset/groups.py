"""Groups of clips that share a recording: by the metadata, by rules for the file names of Kaggle's data set, by sound.

Two clips of one group share a performance, a player's take, a drum kit or a session. A model that has learnt one has
partly learnt the other. A file that matches no rule is a group of its own. Names of other data sets could match a
rule by accident, so the rules apply only if a data set is clearly Kaggle's, or a large part of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from timbre.core.tables import Clip, Issue


class Rule(NamedTuple):
    """A rule for the file names of one source.

    Attributes:
        name: name of the rule.
        pattern: regular expression for the whole file name without its suffix, in any case.
        group: name of a file's group, made from the pattern's named parts.
        fact: what these files share.
        is_telling: whether such names are rare in other data sets.
    """

    name: str
    pattern: str
    group: str
    fact: str
    is_telling: bool = True


LEAST_RULES, LEAST_FILES = 3, 2  # a data set is Kaggle's if this many telling rules match this many files each

RULES = (
    Rule(
        "room piano",
        r"ROOM[_-]room\d+[_-]MUS[_-](?P<piece>[a-z]+\d*)(?:[_-]DEV[_-].+)?",
        "room piano {piece}",
        "one performance of a piece, in 8 rooms on 6 devices; beethoven1 and beethoven2 are two pieces",
    ),
    Rule(
        "guitar lick",
        r"(?P<guitar>AR|FS|LP)_Lick(?P<number>\d+)_.+",
        "guitar {guitar} lick {number}",
        "one lick on one guitar: plucked three ways (F, K, M), in other positions (Lage), with ornaments",
    ),
    Rule(
        "guitar string",
        r"(?P<guitar>AR|FS|LP)_(?P<string>E1|[ABDEG])_.+",
        "guitar {guitar} string {string}",
        "notes of one string of one guitar, plain, muted, bent and slid",
    ),
    Rule("guitar harmonics", r"(?P<guitar>AR|FS|LP)_NH_.+", "guitar {guitar} harmonics", "one session on one guitar"),
    Rule(
        "guitar note",
        r"G53-(?P<pitch>\d\d)\d{3}-\d+-\d+",
        "guitar G53 note {pitch}",
        "one MIDI pitch of one guitar (then string, fret), recorded with three pick-up settings",
    ),
    Rule(
        "guitar chord",
        r"(?P<string>\d)-(?P<shape>[A-G]\d-(?:major|minor)) \d+",
        "guitar chord {string} {shape}",
        "one chord shape moved along the neck",
    ),
    Rule(
        "guitar loop",
        r"(?:slow_)?(?P<style>classical|country|folk|jazz|latin|metal|pop|reggae|rock|ska)_(?P<number>\d+)_\d+BPM",
        "guitar loop {style} {number}",
        "one piece at two tempi on several guitars",
    ),
    Rule("guitar piece", r"pathetique_(?:mono|poly)", "guitar piece pathetique", "one piece, plain and in full"),
    Rule(
        "drum kit",
        r"(?P<kit>(?:Real|Techno|Wave)Drum\d+)_.+",
        "drum kit {kit}",
        "hits and loops of one kit, and its drums one by one",
    ),
    Rule(
        "numbered series",
        r"(?P<title>drum_sound|violin_sounds?) \(\d+\)",
        "series {title}",
        "pieces of a few long recordings; violin_sound runs from 1 to 330 across four spellings",
        is_telling=False,
    ),
    Rule(
        "Bach",
        r"\d+_(?P<player>[a-z]+-[a-z]+)_(?P<work>bwv\d+)(?:_mov\d+)?",
        "bach {player} {work}",
        "consecutive pieces of one player's recording of one work",
    ),
    Rule(
        "string note",
        r"(?P<instrument>Vn|Va)-ord-(?P<pitch>[A-G]\d)-.+",
        "{instrument} note {pitch}",
        "one pitch on one instrument, at three loudnesses and on two strings",
    ),
    Rule("sad violin", r"Sad-Violin-.+-www\.fesliyanstudios\.com", "sad violin", "variants of one track, A to K"),
    Rule("solfa note", r"(?:do|re|mi|fa|sol|la|si)-80\d{3}", "solfa note", "notes do to si of one upload"),
    Rule(
        "stock series",
        r"(?P<title>[a-z](?:\D*[^\W\d_])?)[_-]?\d.*-\d{4,6}(?: \(\d+\))?",
        "stock {title}",
        "numbered loops of one pack (hip-hop-drum-loop-22 to 25), the last number being the site's own",
        is_telling=False,
    ),
    Rule(
        "second download",
        r"(?P<first>.+-\d{4,6}) \(\d+\)",
        "{first}",
        "the number that a browser adds to a file's name if it was downloaded before",
        is_telling=False,
    ),
)


def rule_of(file: str) -> tuple[Rule, str] | None:
    """Return the first rule that matches a file's name, and the name of its group. None if no rule matches."""
    stem = PurePosixPath(file).stem
    for rule in RULES:
        if match := re.fullmatch(rule.pattern, stem, re.IGNORECASE):
            return rule, rule.group.format(**match.groupdict()).casefold()
    return None


def own_group(file: str) -> str:
    """Return the group of one of Kaggle's files that no rule matches: its name without folder and suffix."""
    return PurePosixPath(file).stem.casefold()


def group_of(file: str) -> str:
    """Return the group of one of Kaggle's files by its name: a rule's, or its own."""
    known = rule_of(file)
    return known[1] if known else own_group(file)


def count_rules(files: Iterable[str]) -> dict[str, int]:
    """Return how many of the files each rule matches, in the order of the rules."""
    known = [found[0].name for found in map(rule_of, files) if found]
    return {rule.name: known.count(rule.name) for rule in RULES}


def are_kaggles(files: Iterable[str]) -> bool:
    """Return whether a data set is Kaggle's: several telling rules match several of its files each."""
    counts = count_rules(files)
    return sum(counts[rule.name] >= LEAST_FILES for rule in RULES if rule.is_telling) >= LEAST_RULES


class Named(NamedTuple):
    """The group of a file before sounds are compared, and what named it."""

    group: str
    by: str


def name_groups(clips: Sequence[Clip], by: str) -> dict[str, Named]:
    """Return the group of each file.

    A group in the metadata comes first. Kaggle's files get their groups by name. Every other file is its own group.

    Args:
        clips: all clips of the data set.
        by: `recording`, or `file` to make every file its own group.
    """
    is_kaggles = are_kaggles(clip.file for clip in clips)

    def named(clip: Clip) -> Named:
        if by == "recording" and clip.group:
            return Named(clip.group, "the column Group")
        if by == "file" or not is_kaggles:
            return Named(clip.file, "the file")
        known = rule_of(clip.file)
        return Named(known[1], f"Kaggle's rule {known[0].name!r}") if known else Named(own_group(clip.file), "the name")

    return {clip.file: named(clip) for clip in clips}


def join_groups(
    named: Mapping[str, Named], near_duplicates: Sequence[tuple[str, str]]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Join the groups of near-duplicates.

    Returns:
        The joined group of each group, with the alphabetically first of their names, and the pairs that joined two.
    """
    joined = {group: group for group, _ in named.values()}

    def first_of(group: str) -> str:
        while joined[group] != group:
            joined[group] = joined[joined[group]]  # keeps the chains short
            group = joined[group]
        return group

    pairs = []
    for pair in sorted((min(pair), max(pair)) for pair in near_duplicates if named.keys() >= set(pair)):
        first, second = sorted(first_of(named[file].group) for file in pair)
        if first != second:
            joined[second] = first
            pairs.append(pair)
    return {group: first_of(group) for group in joined}, pairs


def pair_issues(pairs: Sequence[tuple[str, str]], named: Mapping[str, Named]) -> list[Issue]:
    """Return an issue for each pair of near-duplicates that joined two groups."""
    return [
        Issue(
            first,
            "sounds alike",
            "reported",
            f"sounds like {second}, so their groups {named[first].group!r} and {named[second].group!r} count as one",
        )
        for first, second in pairs
    ]


def how_joined(clips: Sequence[Clip], named: Mapping[str, Named]) -> str:
    """Say what joined how many clips into how few recordings: each kind of group name, then near-duplicates."""
    names: dict[str, list[str]] = {}
    for clip in clips:
        names.setdefault(named[clip.file].by, []).append(named[clip.file].group)
    steps = [(by, len(groups), len({*groups})) for by, groups in names.items()]
    own = {named[clip.file].group for clip in clips}
    steps.append(("sounding alike", len(own), len({clip.group for clip in clips})))
    joined = [f"{by} joined {before} into {after}" for by, before, after in steps if after < before]
    return ", ".join([f"it has {len(clips)} clips", *joined])
