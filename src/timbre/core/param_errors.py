"""What is wrong with a param, in words."""

from datetime import date
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

_MESSAGES = {  # instead of pydantic's own, by its type of error
    "model_type": "must be a section of keys",
    "string_type": 'must be text; put it in quotes ("" for none)',
    "string_pattern_mismatch": "must be of the form owner/name",
}

REPLACED = {  # keys of earlier versions, and what to use instead
    "mixtures.none": "use mixtures.playing, the probability that each instrument plays",
    "shares": "it is called mask_loss now",
    "moments": "it is called frame_loss now",
}


def explain(item: Any, params: type[BaseModel]) -> str:
    """Return a problem that pydantic found as `key: what is wrong`.

    Args:
        item: The problem, one of `ValidationError.errors()`.
        params: The model of all params.
    """
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(item['loc'], params)}"
    if item["type"] == "missing":
        return f"{key}: missing"
    message = _MESSAGES.get(item["type"], item["msg"].removeprefix("Value error, "))
    if item["type"] == "value_error" and not isinstance(item["input"], str | int | float):
        return _joined(key, message)
    return _joined(key, f"{message[0].lower()}{message[1:]}, got {_shown(item['input'])}")


def _joined(key: str, message: str) -> str:
    return f"{key}: {message}" if key else message


def _shown(value: Any) -> str:
    """Return a value as in the file, at most 60 characters of it."""
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _suggestion(location: tuple[str | int, ...], params: type[BaseModel]) -> str:
    """Return what replaced an old key, or ` (did you mean …?)` if a key of the section is similar, or nothing."""
    if advice := REPLACED.get(".".join(map(str, location))):
        return f"; {advice}"
    section: Any = params
    for part in location[:-1]:
        section = section.model_fields[part].annotation
    close = get_close_matches(str(location[-1]), section.model_fields, n=1)
    return f" (did you mean {'.'.join([*map(str, location[:-1]), close[0]])}?)" if close else ""
