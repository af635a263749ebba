"""Questions such as `violin and not (drums or piano)`, and where in a song they hold."""

import re
from collections.abc import Sequence

import numpy as np

from timbre.core.errors import DataError
from timbre.features.events import find_events
from timbre.songs.presence import Section
from timbre.songs.timeline import FINE

WORDS = ("and", "or", "not", "(", ")")


class Query:
    """A question about instruments, of names, `and`, `or`, `not` and parentheses; `not` binds before `and`, that before
    `or`.

    Raises:
        DataError: it makes no sense; the text says what was expected where.
    """

    def __init__(self, text: str, instruments: Sequence[str]) -> None:
        self.text, self.instruments = text, tuple(instruments)
        names = sorted(map(re.escape, self.instruments), key=len, reverse=True)
        token = rf"\s*(?:({'|'.join(names)}|and|or|not)(?![\w])|([()]))"
        self.tokens: list[str] = []
        place = 0
        while text[place:].strip():
            found = re.compile(token, re.IGNORECASE).match(text, place)
            if not found:
                self._fail(text[place:].split()[0])
            assert found
            self.tokens.append((found[1] or found[2]).casefold())
            place = found.end()
        self.place = 0
        self.tree = self._either()
        if self.place < len(self.tokens):
            self._fail(self.tokens[self.place])

    def spans(self, sections: Sequence[Section], seconds: float, least: float = 0.0) -> list[tuple[float, float]]:
        """Where the answer is yes, as start and end in seconds; of spans shorter than `least`, none."""
        steps = max(1, int(np.ceil(seconds / FINE - 1e-9)))
        plays = {name.casefold(): np.zeros(steps, bool) for name in self.instruments}
        for start, end, name in sections:
            plays[name.casefold()][round(start / FINE) : max(round(end / FINE), round(start / FINE) + 1)] = True
        found = find_events(_holds(self.tree, plays), 0)
        spans = [(round(first * FINE, 3), min(round(end * FINE, 3), seconds)) for first, end in found]
        return [(start, end) for start, end in spans if end - start >= least]

    def _either(self) -> tuple:
        parts = [self._both()]
        while self._next("or"):
            parts.append(self._both())
        return ("or", *parts)

    def _both(self) -> tuple:
        parts = [self._one()]
        while self._next("and"):
            parts.append(self._one())
        return ("and", *parts)

    def _one(self) -> tuple:
        if self._next("not"):
            return ("not", self._one())
        if self._next("("):
            inside = self._either()
            if not self._next(")"):
                self._fail(self.tokens[self.place] if self.place < len(self.tokens) else "the end", "a )")
            return inside
        if self.place == len(self.tokens) or self.tokens[self.place] in WORDS:
            self._fail(self.tokens[self.place] if self.place < len(self.tokens) else "the end")
        self.place += 1
        return ("name", self.tokens[self.place - 1])

    def _next(self, token: str) -> bool:
        """Whether this token comes next; it is passed then."""
        comes = self.place < len(self.tokens) and self.tokens[self.place] == token
        self.place += comes
        return comes

    def _fail(self, seen: str, wanted: str = "") -> None:
        wanted = wanted or f"an instrument ({', '.join(self.instruments)}), and, or, not, or parentheses"
        raise DataError(f"query {self.text!r}: {seen!r} where {wanted} was expected")


def _holds(tree: tuple, plays: dict[str, np.ndarray]) -> np.ndarray:
    """In which steps a question's tree is true, bool `[steps]`."""
    kind, *parts = tree
    if kind == "name":
        return plays[parts[0]]
    if kind == "not":
        return ~_holds(parts[0], plays)
    join = np.logical_or if kind == "or" else np.logical_and
    return join.reduce([_holds(part, plays) for part in parts])
