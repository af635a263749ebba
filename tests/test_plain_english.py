"""Words that make prose hard to read do not come back. Code in prose does not count."""

import ast
import re
import tokenize

import pytest
from helpers import ROOT

WORDS = "whose|beside|lies|stands|worn|of which|likewise|anew|goes on from|at hand|is told|unheard|as for|hears|heard"
FORBIDDEN = re.compile(r"\b(" + WORDS.replace(" ", r"\s+") + r")\b", re.IGNORECASE)
FOLDERS = ("docs", "src", "stages", "scripts", "benchmarks", "tests")
FILES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "params.yaml", "dvc.yaml")]
FILES += [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
STRINGS = r"\"[^\"\n]* [^\"\n]*\"|'[^'\n]* [^'\n]*'|`[^`]* [^`]*`"  # of a script, with more than one word


def python_prose(path):
    """Return the comments and docstrings of a module, without names of arguments and attributes."""
    with path.open("rb") as file:
        prose = [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    nodes = ast.walk(ast.parse(path.read_text()))
    prose += [ast.get_docstring(node) or "" for node in nodes if isinstance(node, DOCUMENTED)]
    return re.sub(r">>>.*|`[^`]*`|^ +\w+:", "", "\n".join(prose), flags=re.MULTILINE)


def page_prose(path):
    """Return the text of an HTML page, without tags, styles and scripts."""
    return re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", path.read_text(), flags=re.DOTALL)


PROSE = {
    ".py": python_prose,
    ".md": lambda path: re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", path.read_text(), flags=re.DOTALL),
    ".yaml": lambda path: "\n".join(re.findall(r"#.*|desc:.*", path.read_text())),
    ".html": page_prose,
    ".js": lambda path: "\n".join(re.findall(rf"(?<!:)//.*|{STRINGS}", path.read_text())),
}


def forbidden(path):
    """Return the forbidden words in the prose of a file, each with the text around it."""
    prose = PROSE[path.suffix](path)
    return [" ".join(prose[max(0, word.start() - 40) : word.end() + 30].split()) for word in FORBIDDEN.finditer(prose)]


def test_prose_has_none_of_the_forbidden_words():
    found = {path.relative_to(ROOT).as_posix(): forbidden(path) for path in FILES if path.suffix in PROSE}
    assert len(found) > 200
    assert {file: words for file, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "x = 1  # {}\n"),
        ("a.py", 'def f():\n    """A {} b."""\n'),
        ("a.md", "A `code` {} b.\n"),
        ("a.yaml", "x: 1  # {}\n"),
        ("a.yaml", "desc: a {} b\n"),
        ("a.html", "<p class='x'>A {} b</p>\n"),
        ("a.js", "f(x); // {}\n"),
        ("a.js", 'say("a {} b");\n'),
    ],
)
def test_a_forbidden_word_is_found(tmp_path, name, text):
    for word in ("whose", "Beside", "of\nwhich" if name == "a.md" else "of which"):
        (tmp_path / name).write_text(text.format(word))
        assert len(forbidden(tmp_path / name)) == 1
    (tmp_path / name).write_text(text.format("applies standstill"))
    assert forbidden(tmp_path / name) == []
