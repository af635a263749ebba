"""The command `timbre`. Heavy libraries are imported where a command needs them, so that help is instant."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.core.errors import AudioError
from timbre.core.extras import needs
from timbre.core.params import load_params
from timbre.core.printable import printable
from timbre.core.stage import one_line_errors, progress, seconds_done
from timbre.tools.outputs import outputs_of, write_output
from timbre.tools.printing import Format, Printer, printer, tell

if TYPE_CHECKING:
    from timbre.songs.find import SongFile
    from timbre.songs.predictor import Predictor
    from timbre.songs.song import Song

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0], rich_markup_mode=None)


Models = Annotated[
    Path | None,
    typer.Option(
        help="The folder with single, layered and timeline.safetensors; by default models/ where the pipeline "
        "has run here, else those released with timbre."
    ),
]


class Collection(StrEnum):
    """Public data sets that can be measured on."""

    OPENMIC = "openmic"
    IRMAS = "irmas"
    MEDLEY_SOLOS = "medley-solos"


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
            help="Files, folders and patterns: wav, flac, ogg, opus, mp3, m4a, video and more; - for standard input.",
        ),
    ],
    form: Annotated[
        Format, typer.Option("--format", help="text for people, jsonl and csv for programs.")
    ] = Format.TEXT,
    timeline: Annotated[bool, typer.Option("--timeline", help="Print what plays when, too.")] = False,
    hop: Annotated[float, typer.Option(help="Seconds from one value of the timeline to the next.")] = 0.5,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the song to this .png file; a folder: one picture per song.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Write an Audacity label track for each song into this folder.")
    ] = None,
    regions: Annotated[
        Path | None, typer.Option(help="Write a table of regions for REAPER for each song into this folder.")
    ] = None,
    cues: Annotated[
        Path | None, typer.Option(help="Write a copy of each WAV file with cue points into this folder.")
    ] = None,
    jams: Annotated[Path | None, typer.Option(help="Write a JAMS file for each song into this folder.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="A file of earlier answers, jsonl or csv: go on after the songs in it."),
    ] = None,
    models: Models = None,
) -> None:
    """Say which instruments play in songs, and when."""
    from timbre.songs.find import find
    from timbre.songs.predictor import Predictor
    from timbre.tools.resume import answered

    if jams:
        needs("--jams", "jams", "jams")
    found = [song for argument in songs for song in find(argument)]
    done = answered(resume) if resume else frozenset()
    found = [song for song in found if song.name not in done]
    if plot and plot.suffix.lower() == ".png" and len(found) > 1:
        raise typer.BadParameter(f"{len(found)} songs do not fit in one picture; name a folder", param_hint="--plot")
    outputs = outputs_of(
        found, plot, {".labels.txt": labels, ".regions.csv": regions, ".cues.wav": cues, ".jams": jams}
    )
    predictor = Predictor(models)
    show = printer(form, timeline, len(found) > 1, predictor.instruments, heading=not done)
    tell(f"models: those {predictor.source}")
    pairs = list(zip(found, outputs, strict=True))
    bar = pairs if sys.stdout.isatty() or len(pairs) == 1 else progress(pairs, "songs", unit="song")
    failed = [_answer(predictor, song, hop, show, files) for song, files in bar]
    raise typer.Exit(int(any(failed)))


def _answer(predictor: "Predictor", song: "SongFile", hop: float, show: Printer, files: list[Path]) -> bool:
    """Hear a song, print the answer and write its files; tell whether anything of that failed."""
    try:
        heard = _heard(predictor, song, hop=hop)
    except AudioError as error:
        show.error(song.name, str(error))
        return True
    show.song(heard)
    failed = False
    for path in files:
        try:
            write_output(heard, path)
        except AudioError as error:
            failed = True
            tell(f"{song.name}: {error}")
        except Exception as error:  # whatever it is, the next songs are heard
            failed = True
            reason = getattr(error, "strerror", "") or str(error) or type(error).__name__
            tell(f"{path}: cannot be written ({reason})")
    return failed


@app.command()
def export(
    onnx: Annotated[Path, typer.Option(help="The file to write.")],
    models: Models = None,
) -> None:
    """Write the models as one ONNX file, from waveforms to probabilities."""
    from timbre.export import export_onnx

    export_onnx(models, onnx)
    typer.echo(printable(f"{onnx}: waveforms to probabilities"))


@app.command()
def page(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The HTML file to write.")],
    models: Models = None,
) -> None:
    """Write a page that hears songs in any browser: one file, without a network."""
    from timbre.page.write import write_page

    write_page(path, models)
    typer.echo(printable(f"{path}: {path.stat().st_size / 1e6:.1f} MB; open it in a browser"))


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Of this machine; 0 takes any that is free.")] = 8765,
    browser: Annotated[bool, typer.Option(help="Open the page at once.")] = True,
    models: Models = None,
) -> None:
    """Show that page on this machine alone, and hear for it what browsers cannot decode."""
    from timbre.page.serve import serve as run

    run(models, port, browser)


@app.command(name="find")
def find_spans(
    query: Annotated[str, typer.Argument(help='Such as "violin and not (drums or piano)".')],
    songs: Annotated[list[str], typer.Argument(metavar="SONG", help="Files, folders and patterns, as for predict.")],
    least: Annotated[float, typer.Option(help="Seconds: leave out what is shorter.")] = 1.0,
    models: Models = None,
) -> None:
    """Say where in songs instruments play as asked: a line for each stretch, with start and end."""
    from timbre.songs.find import find
    from timbre.songs.predictor import Predictor
    from timbre.tools.query import Query

    predictor, failed = Predictor(models), False
    asked = Query(query, predictor.instruments)
    for song, heard in _each_heard([song for argument in songs for song in find(argument)], predictor):
        failed |= heard is None
        for start, end in asked.spans(heard.sections, heard.seconds, least) if heard else []:
            print(f"{printable(song.name)}\t{_tenths(start)}\t{_tenths(end)}", flush=True)
    raise typer.Exit(int(failed))


@app.command()
def tag(
    songs: Annotated[list[str], typer.Argument(metavar="SONG", help="Files, folders and patterns, as for predict.")],
    write: Annotated[bool, typer.Option("--write", help="Write; without it, say what would be written.")] = False,
    backup: Annotated[
        Path, typer.Option(help="A file that takes in, as jsonl, what a tag said before it is written.")
    ] = Path("timbre-tags.jsonl"),
    models: Models = None,
) -> None:
    """Name the instruments of songs in the files' own tags (INSTRUMENTS); their sound stays the same."""
    from timbre.songs.find import find
    from timbre.songs.predictor import Predictor
    from timbre.tools.tags import read_tags, write_tags

    needs("tag", "tags", "mutagen")
    predictor, failed = Predictor(models), False
    for song, heard in _each_heard([song for argument in songs for song in find(argument)], predictor):
        if heard is None:
            failed = True
            continue
        try:
            before = read_tags(Path(song.name))
            if write and before != heard.present:
                with backup.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"file": song.name, "before": before}) + "\n")
                write_tags(Path(song.name), heard.present)
        except AudioError as error:
            failed = True
            tell(f"{song.name}: {error}")
            continue
        said = f"{'; '.join(heard.present) or 'none'} (before: {'; '.join(before) or 'none'})"
        print(printable(f"{song.name}: {said}"), flush=True)
    if not write:
        tell("nothing is written; --write does that")
    raise typer.Exit(int(failed))


def _each_heard(found: list["SongFile"], predictor: "Predictor") -> Iterator[tuple["SongFile", "Song | None"]]:
    """Each song as it is heard; none where it cannot be, and a line that says why."""
    for song in found if sys.stdout.isatty() else progress(found, "songs", unit="song"):
        try:
            yield song, _heard(predictor, song)
        except AudioError as error:
            tell(f"{song.name}: {error}")
            yield song, None


def _heard(predictor: "Predictor", song: "SongFile", **options: float) -> "Song":
    """Hear a song that was found, under a bar where it is long, with options of `listen`.

    Raises:
        AudioError: it cannot be heard.
    """
    if song.problem:
        raise AudioError(song.problem)
    with seconds_done(song.name) as told:
        return predictor.listen(song.name, told=told, **options)


def _tenths(seconds: float) -> str:
    """`3:07.5`."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


@app.command()
def benchmark(
    name: Annotated[Collection, typer.Argument(help="The data set.")],
    folder: Annotated[Path, typer.Argument(help="Where it lies, as its publisher packs it or mirdata leaves it.")],
    models: Models = None,
) -> None:
    """Say how well the models do on the test split of a public data set, beside published figures."""
    from timbre.benchmark import benchmark as measured

    print(measured(name, folder, models))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="The earlier revision or experiment.")],
    second: Annotated[str, typer.Argument(help="The later one; workspace: the files as they are.")] = "workspace",
) -> None:
    """Say what changed between two revisions or experiments, on the same test clips, and whether it is noise."""
    from timbre.compare import as_text
    from timbre.compare import compare as compare_answers
    from timbre.revisions import predictions_at

    for task in ("single", "layered"):
        answers = predictions_at(first, task), predictions_at(second, task)
        if not any(each.clips for each in answers):
            continue  # both have learnt from music alone
        comparison = compare_answers(*answers, 0, task)
        print(as_text(f"{task}: {first} -> {second}", comparison), flush=True)
