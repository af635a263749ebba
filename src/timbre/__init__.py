"""Timbre hears guitar, drums, violin and piano: one of them alone, or several layered."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`timbre.listen`, imported by name when it is asked for: every stage imports this file, none of them listens."""
    if name == "listen":
        from importlib import import_module

        return import_module("timbre.songs.predictor").listen
    raise AttributeError(f"module 'timbre' has no attribute {name!r}")
