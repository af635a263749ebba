"""Reads a YAML file as DVC reads it, and changes the values of one."""

from math import inf
from pathlib import Path
from typing import Any

from timbre.core.errors import ParamsError

MOST_VALUES = 10_000  # params.yaml has about 130


def read_yaml(path: Path) -> Any:
    """Return the values in a YAML file, read as DVC reads it. Other parsers differ in `010`, `yes` and `1:30`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yaml = YAML(typ="safe")
        node = yaml.compose(path.read_text(encoding="utf-8"))
        if _expanded_size(node, {}) > MOST_VALUES:
            raise ParamsError(f"{path}: its aliases expand to more than {MOST_VALUES} values; write the values instead")
        return yaml.constructor.construct_document(node) if node else {}
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ParamsError(f"{path}:{line}: not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror}); run this in the repository's root") from error
    except DuplicateKeyError as error:
        key = error.problem.split('"')[1]
        raise ParamsError(f"{path}:{error.problem_mark.line + 1}: {key} is there twice; keep one of them") from None
    except MarkedYAMLError as error:
        raise ParamsError(f"{path}:{error.problem_mark.line + 1}: not valid YAML: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that does not exist
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def with_changes(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return nested params, some of them changed.

    >>> with_changes({"epochs": 3, "mel": {"fmin": 20, "n_mels": 64}}, {"mel": {"fmin": 50}})
    {'epochs': 3, 'mel': {'fmin': 50, 'n_mels': 64}}

    Args:
        values: All params: nested dictionaries, as in params.yaml.
        changes: New values, nested in the same way.

    Raises:
        ParamsError: A changed key is not in `values`.
    """
    known = values if isinstance(values, dict) else {}
    if unknown := sorted(changes.keys() - known.keys()):
        raise ParamsError(f"{unknown[0]}: params.yaml has no such key; remove or rename it")
    return known | {
        key: with_changes(known[key], change) if isinstance(change, dict) else change for key, change in changes.items()
    }


def _expanded_size(node: Any, sizes: dict[int, float]) -> float:
    """Return the number of values in a YAML node after its aliases are replaced; infinity if it contains itself.

    Args:
        node: The composed node, a tree in which aliases are shared nodes.
        sizes: The sizes of the nodes so far, by id. It is filled here.
    """
    if node is None or isinstance(node.value, str):
        return 1
    if id(node) not in sizes:
        sizes[id(node)] = inf
        inner = (child for item in node.value for child in (item if isinstance(item, tuple) else (item,)))
        sizes[id(node)] = 1 + sum(_expanded_size(child, sizes) for child in inner)
    return sizes[id(node)]
