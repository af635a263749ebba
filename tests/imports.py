"""Which of the repository's files a stage imports, at its top or inside functions, directly or not.

The package's own `__init__.py` files are left out: they hold a docstring alone, or what nobody but users imports.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def imported_files(file: Path) -> set[str]:
    """The file itself and all of Timbre's that it leads to, as paths from the root."""
    seen, queue = set(), [file, ROOT / "stages" / "__init__.py"]
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue += imported_by(path)
    return {path.relative_to(ROOT).as_posix() for path in seen}


def imported_by(file: Path) -> list[Path]:
    """The files of the package that one file imports."""
    return [found for name in _imported_names(ast.parse(file.read_text())) for found in _files_of(name)]


def _imported_names(tree):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _imported_names(node)


def _files_of(name):
    base = ROOT / "src" / Path(*name.split("."))
    return [base.with_suffix(".py")] if base.with_suffix(".py").exists() else []
