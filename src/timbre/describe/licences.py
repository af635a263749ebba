"""SPDX expressions of licences that people write in their own words."""

import re

NAMED = (  # the start of a licence in words, and its SPDX expression
    (r"cc0\b", "CC0-1.0"),
    (r"cc by\b(?! ?\d|-)", "LicenseRef-CC-BY"),  # without its version
    (r"mit\b", "MIT"),
    (r"apache-2\.0", "Apache-2.0"),
    (r"gpl-2$", "GPL-2.0-only"),
    (r"the unlicense\b", "Unlicense"),
    (r"public domain\b", "LicenseRef-public-domain"),
    (r"no restrictions\b", "LicenseRef-no-restrictions"),
    (r"generaluser gs licence$", "LicenseRef-GeneralUser-GS"),
)
CREATIVE_COMMONS = r"cc (by(?:-nc)?(?:-sa|-nd)?) (\d\.\d)"
UNKNOWN = "NOASSERTION"  # SPDX's word for a licence that is not stated


def spdx(text: str) -> str:
    """Return the SPDX expression of a licence in words. Licences that SPDX does not list begin with `LicenseRef-`.

    >>> spdx("CC BY 3.0, Jane Doe (LICENSE)")
    'CC-BY-3.0'
    >>> spdx("public domain (The Unlicense; LICENSE); CC0")
    'CC0-1.0 AND Unlicense'
    >>> spdx("ask the author; MIT")
    'NOASSERTION'

    Args:
        text: One licence or several, separated by semicolons. Text in parentheses, and text after a name, is ignored.
    """
    text = text.casefold().replace("public domain (the unlicense", "the unlicense (")
    while (shorter := re.sub(r"\([^()]*\)", "", text)) != text:
        text = shorter
    found = {_one(part.strip()) for part in text.split(";")}
    return UNKNOWN if UNKNOWN in found else " AND ".join(sorted(found))


def _one(text: str) -> str:
    """Return the SPDX expression of one licence without parentheses."""
    if match := re.match(CREATIVE_COMMONS, text):
        return f"CC-{match[1].upper()}-{match[2]}"
    return next((expression for start, expression in NAMED if re.match(start, text)), UNKNOWN)
