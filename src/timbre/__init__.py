"""Timbre recognises instruments in audio: which of them play, and when."""

from typing import TYPE_CHECKING

__all__ = ["listen"]

if TYPE_CHECKING:
    from timbre.songs.predictor import listen
else:

    def __getattr__(name: str) -> object:
        """Import `listen` when it is first used, because every stage imports this file and few predict songs."""
        if name == "listen":
            from timbre.songs.predictor import listen

            return listen
        raise AttributeError(f"module 'timbre' has no attribute {name!r}")
