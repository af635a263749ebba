"""Plugin for beets: the instruments of each track, as the field `instruments` and the tag `INSTRUMENTS`."""

from collections.abc import Iterable
from functools import cached_property
from optparse import Values
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import mediafile
from beets.dbcore import types
from beets.importer import ImportSession, ImportTask
from beets.library import Item, Library
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand, UserError, should_write

from timbre.core.errors import AudioError, TimbreError
from timbre.core.files import RELEASED
from timbre.tools.tags import KEY, MP4_KEY

if TYPE_CHECKING:
    from timbre.songs.predictor import Predictor

FIELD = "instruments"
TAG = mediafile.ListMediaField(  # the same tag as that of `timbre tag`
    mediafile.MP3ListDescStorageStyle(KEY, split_v23=True),
    mediafile.MP4ListStorageStyle(MP4_KEY),
    mediafile.ListStorageStyle(KEY),
    mediafile.ASFStorageStyle(KEY),
)


class TimbrePlugin(BeetsPlugin):
    """Predicts the instruments of tracks at import and with `beet timbre`."""

    item_types: ClassVar = {FIELD: types.SEMICOLON_SPACE_DSV}

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"auto": True, "force": False, "models": ""})
        self.add_media_field(FIELD, TAG)
        if self.config["auto"].get(bool):
            self.import_stages = [self._imported]

    @cached_property
    def _predictor(self) -> "Predictor":
        """The models of the option `models`, or the released ones.

        Raises:
            UserError: There are no models.
        """
        from timbre.songs.predictor import Predictor  # takes a second, and beets loads its plugins for every command

        models = self.config["models"].get(str)
        try:
            return Predictor(Path(models).expanduser() if models else RELEASED)
        except TimbreError as error:
            raise UserError(f"timbre: {error}") from error

    def commands(self) -> list[Subcommand]:
        """Return the command `beet timbre`."""
        command = Subcommand("timbre", help="predict which instruments play in tracks")
        command.parser.add_option("-f", "--force", action="store_true", help="also tracks that have instruments")
        command.func = self._run
        return [command]

    def _run(self, library: Library, options: Values, arguments: list[str]) -> None:
        self._predict(library.items(arguments), bool(options.force), write=should_write())

    def _imported(self, _: ImportSession, task: ImportTask) -> None:
        """Predict imported tracks. The importer writes their tags later."""
        self._predict(task.imported_items(), force=False, write=False)

    def _predict(self, items: Iterable[Item], force: bool, write: bool) -> None:
        """Store the instruments of tracks. Tracks that cannot be read are logged and left as they are."""
        force = force or self.config["force"].get(bool)
        for item in items:
            if item.get(FIELD) and not force:
                continue
            try:
                item[FIELD] = self._predictor.listen(item.filepath).sure_present
            except AudioError as error:
                self._log.error("{}: {}", item.filepath, error)
                continue
            self._log.info("{}: {}", item.filepath, "; ".join(item[FIELD]) or "none")
            if write:
                item.try_write()
            item.store()
