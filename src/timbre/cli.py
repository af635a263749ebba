"""The command `timbre`. Heavy libraries are imported where a command needs them, so that help is instant."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.core.errors import AudioError
from timbre.core.files import fresh_file
from timbre.core.params import load_params
from timbre.core.printable import printable
from timbre.core.stage import one_line_errors

if TYPE_CHECKING:
    from timbre.songs.find import Found
    from timbre.songs.predictor import Song

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0], rich_markup_mode=None)


Models = Annotated[
    Path | None,
    typer.Option(
        help="The folder with single.safetensors and layered.safetensors; by default models/ where the pipeline "
        "has run here, else those released with timbre."
    ),
]


class Format(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"


def main() -> None:
    """Run the command line."""
    with one_line_errors("timbre"):
        app()


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The params file.")] = Path("params.yaml")) -> None:
    """Check params.yaml as every stage does before it runs."""
    load_params(path)


@app.command()
def predict(
    songs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONG",
            help="Files, folders and patterns: wav, flac, ogg, opus, mp3; with ffmpeg also m4a, aac and video; "
            "- for standard input.",
        ),
    ],
    form: Annotated[
        Format, typer.Option("--format", help="text for people, jsonl and csv for programs.")
    ] = Format.TEXT,
    timeline: Annotated[bool, typer.Option("--timeline", help="Print what plays when, too.")] = False,
    hop: Annotated[float, typer.Option(help="Seconds from one value of the timeline to the next.")] = 0.5,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the song to this .png file; a folder: a picture a song.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Write an Audacity label track for each song into this folder.")
    ] = None,
    models: Models = None,
) -> None:
    """Say which instruments play in songs, and when."""
    from timbre.songs.find import find
    from timbre.songs.predictor import Ear

    found = [song for argument in songs for song in find(argument)]
    if plot and plot.suffix.lower() == ".png" and len(found) > 1:
        raise typer.BadParameter(f"{len(found)} songs do not fit in one picture; name a folder", param_hint="--plot")
    outputs = _outputs(found, plot, labels)
    show = _Printer(form, timeline, table=len(found) > 1 and not timeline)
    ear = Ear(models)
    _tell(f"models: those {ear.source}")
    failed = False
    for song, files in zip(found, outputs, strict=True):
        try:
            if song.problem:
                raise AudioError(song.problem)
            heard = ear.listen(song.name, hop)
        except AudioError as error:
            failed = True
            show.error(song.name, str(error))
            continue
        show.song(heard)
        for path in files:
            try:
                _write(heard, path)
            except Exception as error:  # whatever it is, the next songs are heard
                failed = True
                reason = getattr(error, "strerror", "") or str(error) or type(error).__name__
                _tell(f"{path}: cannot be written ({reason})")
    raise typer.Exit(int(failed))


@app.command()
def export(
    onnx: Annotated[Path, typer.Option(help="The file to write.")],
    models: Models = None,
) -> None:
    """Write both models as one ONNX file, from waveforms to probabilities."""
    from timbre.export import export_onnx

    export_onnx(models, onnx)
    typer.echo(printable(f"{onnx}: waveforms to probabilities"))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="The earlier revision or experiment.")],
    second: Annotated[str, typer.Argument(help="The later one; workspace: the files as they are.")] = "workspace",
) -> None:
    """Say what changed between two revisions or experiments, on the same test clips, and whether it is noise."""
    from timbre.compare import as_text
    from timbre.compare import compare as compare_answers
    from timbre.revisions import answers_at

    for task in ("single", "layered"):
        answers = [answers_at(revision, task) for revision in (first, second)]
        print(as_text(f"{task}: {first} -> {second}", compare_answers(*answers, 0, task)), flush=True)


class _Printer:
    """Songs and errors as they come, in one format."""

    def __init__(self, form: Format, timeline: bool, table: bool) -> None:
        from timbre.songs import text as answers

        self.form, self.timeline, self.table, self.answers = form, timeline, table, answers
        if form is Format.CSV:
            sys.stdout.reconfigure(errors="backslashreplace")  # names stay apart in encodings that lack their letters
            self._print(answers.csv_row(answers.TIMELINE_FIELDS if timeline else answers.FIELDS))
        elif form is Format.TEXT and table:
            self._print(answers.heading())

    def song(self, song: "Song") -> None:
        if self.form is Format.JSONL:
            self._print(self.answers.as_json(song, self.timeline))
        elif self.form is Format.CSV:
            self._print(self.answers.timeline_as_csv(song) if self.timeline else self.answers.as_csv(song))
        else:
            self._print(self.answers.as_row(song) if self.table else self.answers.as_text(song, self.timeline))

    def error(self, name: str, reason: str) -> None:
        if self.form is Format.JSONL:
            self._print(self.answers.error_as_json(name, reason))
        elif self.form is Format.CSV and not self.timeline:
            self._print(self.answers.error_as_csv(name, reason))
        else:
            _tell(f"{name}: {reason}")

    def _print(self, text: str) -> None:
        print(text, flush=True)


def _tell(text: str) -> None:
    typer.echo(printable(text), err=True)


def _outputs(found: list["Found"], plot: Path | None, labels: Path | None) -> list[list[Path]]:
    """The files to write of each song: named after it, none twice, and none that audio could have."""
    taken: set[Path] = set()

    def named(folder: Path, inside: str, suffix: str) -> Path:
        path, number = folder / f"{inside}{suffix}", 1
        while path in taken:
            number += 1
            path = folder / f"{inside} {number}{suffix}"
        taken.add(path)
        return path

    files: list[list[Path]] = [[] for _ in found]
    for song, paths in zip(found, files, strict=True):
        if plot:
            paths.append(plot if plot.suffix.lower() == ".png" else named(plot, song.inside, ".png"))
        if labels:
            paths.append(named(labels, song.inside, ".labels.txt"))
    return files


def _write(song: "Song", path: Path) -> None:
    """A picture or a label track, whole or not at all."""
    if path.suffix == ".txt":
        from timbre.songs.text import as_labels

        content = as_labels(song).encode()
    else:
        from timbre.songs.song import as_png

        content = as_png(song)
    with fresh_file(path) as partial:
        partial.write_bytes(content)
