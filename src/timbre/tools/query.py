"""Queries such as `violin and not (drums or piano)`, and where in a song they are true."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pyparsing import CaselessKeyword, Forward, ParseBaseException, ParserElement, Regex, Suppress, ZeroOrMore

from timbre.core.errors import DataError
from timbre.features.events import find_events
from timbre.songs.presence import Section
from timbre.songs.timeline import FINE_HOP

Condition = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""Returns in which steps a condition is true, from the steps in which each instrument plays. All arrays are bool
`[2, steps]`: first where it is certainly true, then where it is possibly true (Kleene's three-valued logic)."""


class Query:
    """A condition on instruments, made of names, `and`, `or`, `not` and parentheses; `not` binds first, then `and`.

    Attributes:
        names: The instruments in the condition.

    Raises:
        DataError: The text is not a condition. The message says what was expected where.
    """

    def __init__(self, text: str, instruments: Sequence[str]) -> None:
        self.instruments, self.names = tuple(instruments), set[str]()
        text = unicodedata.normalize("NFC", text)  # as names of instruments are
        try:
            (self.condition,) = _grammar(self.instruments, self.names).parse_string(text, parse_all=True)
        except ParseBaseException as error:
            found = re.findall(r"\w+|\S", text[error.loc :])[:1] or ["the end"]
            wanted = f"an instrument ({', '.join(self.instruments)}), and, or, not, or parentheses"
            expected = "a )" if error.msg == "Expected ')'" else wanted
            raise DataError(f"query {text!r}: {found[0]!r} where {expected} was expected") from error
        except RecursionError as error:
            raise DataError("query: too many parentheses inside parentheses; write fewer") from error

    def spans(
        self,
        sections: Sequence[Section],
        seconds: float,
        least: float = 0.0,
        answers: Mapping[str, bool] | None = None,
    ) -> list[tuple[float, float]]:
        """Return where the query is certainly true, as start and end in seconds.

        Args:
            sections: Where each instrument plays.
            seconds: Length of the song.
            least: Leave out shorter spans, in seconds.
            answers: Whether each instrument is surely present or surely absent in the song; others are unsure. None:
                all sections are certain.
        """
        steps = max(1, int(np.ceil(seconds / FINE_HOP - 1e-9)))
        plays = {name: np.zeros((2, steps), bool) for name in self.instruments}
        for start, end, name in sections:
            first, last = round(start / FINE_HOP), round(end / FINE_HOP)
            plays[name][:, first : max(last, first + 1)] = True
        for name, (certain, possible) in plays.items():
            if answers is not None:
                certain &= answers.get(name, False)
                possible |= name not in answers
        events = find_events(self.condition(plays)[0], 0)
        spans = [(round(first * FINE_HOP, 3), min(round(end * FINE_HOP, 3), seconds)) for first, end in events]
        return [(start, end) for start, end in spans if end - start >= least]


def _grammar(instruments: Sequence[str], found: set[str]) -> ParserElement:
    """Return the parser of conditions, which adds their instruments to `found`.

    After `-`, an error is reported where it is, without trying other rules.
    """
    names = {name.casefold(): name for name in instruments}
    longest_first = "|".join(sorted(map(re.escape, instruments), key=len, reverse=True))
    either, single = Forward(), Forward()
    instrument = Regex(rf"(?:{longest_first})(?!\w)", re.IGNORECASE)
    negation = Suppress(CaselessKeyword("not")) - single
    both = single + ZeroOrMore(Suppress(CaselessKeyword("and")) - single)
    single <<= instrument | negation | Suppress("(") - either - Suppress(")")
    either <<= both + ZeroOrMore(Suppress(CaselessKeyword("or")) - both)
    instrument.set_parse_action(lambda tokens: _plays(names[tokens[0].casefold()], found))
    negation.set_parse_action(lambda tokens: _inverted(tokens[0]))
    both.set_parse_action(lambda tokens: _joined(np.logical_and, tokens.as_list()))
    either.set_parse_action(lambda tokens: _joined(np.logical_or, tokens.as_list()))
    return either


def _plays(name: str, found: set[str]) -> Condition:
    found.add(name)
    return lambda plays: plays[name]


def _inverted(condition: Condition) -> Condition:
    return lambda plays: ~condition(plays)[::-1]


def _joined(join: np.ufunc, conditions: Sequence[Condition]) -> Condition:
    return lambda plays: join.reduce([condition(plays) for condition in conditions])
