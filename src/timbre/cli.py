"""The command `timbre`. Each command imports heavy libraries itself, so that help is fast."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from timbre.core.errors import AudioError
from timbre.core.extras import needs
from timbre.core.files import fresh_file
from timbre.core.own_paths import check_own_paths
from timbre.core.params import load_params
from timbre.core.printable import printable
from timbre.core.stage import one_line_errors, progress, seconds_done
from timbre.tools.outputs import output_paths, write_output
from timbre.tools.printing import Format, Printer, make_printer, print_message

if TYPE_CHECKING:
    from timbre.songs.find import SongFile
    from timbre.songs.predictor import Predictor
    from timbre.songs.song import Song

T = TypeVar("T")

HELP = "Recognise guitar, drums, violin and piano in audio: which of them play, and when."
SONGS_HELP = "Files, folders and patterns: wav, flac, ogg, opus, mp3, m4a, video and more; - for standard input."
MODELS_HELP = (
    "Folder with single, layered and timeline.safetensors. Default: models/ if the pipeline has run in this folder, "
    "otherwise the models released with timbre."
)

Songs = Annotated[list[str], typer.Argument(metavar="SONG", help=SONGS_HELP)]
Models = Annotated[Path | None, typer.Option(help=MODELS_HELP)]

app = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP, rich_markup_mode=None)


def main() -> None:
    """Run the command line."""
    with one_line_errors("timbre"):
        app()


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The params file.")] = Path("params.yaml")) -> None:
    """Check params.yaml, as every stage does before it runs, and the paths in it, which DVC reads before that."""
    for note in check_own_paths(load_params(path)):
        print_message(note)


@app.command()
def predict(
    songs: Songs,
    output_format: Annotated[
        Format, typer.Option("--format", help="text for people; jsonl or csv for programs.")
    ] = Format.TEXT,
    timeline: Annotated[bool, typer.Option("--timeline", help="Also print when each instrument plays.")] = False,
    hop: Annotated[float, typer.Option(help="Seconds per value of the timeline.")] = 0.5,
    plot: Annotated[Path | None, typer.Option(help="A .png file for the picture of the song, or a folder.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Folder for one Audacity label track per song.")] = None,
    regions: Annotated[Path | None, typer.Option(help="Folder for one table of REAPER regions per song.")] = None,
    cues: Annotated[Path | None, typer.Option(help="Folder for a copy of each WAV file with cue points.")] = None,
    jams: Annotated[Path | None, typer.Option(help="Folder for one JAMS file per song.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Earlier output (jsonl or csv); skip the songs in it.")] = None,
    models: Models = None,
) -> None:
    """Predict which instruments play in songs, and when."""
    from timbre.songs.predictor import Predictor
    from timbre.tools.resume import finished_songs

    if jams:
        needs("--jams", "jams", "jams")
    finished = finished_songs(resume) if resume else frozenset()
    found = [song for song in _find_all(songs) if not finished & {song.name, printable(song.name)}]  # as JSON, as CSV
    if plot and plot.suffix.lower() == ".png" and len(found) > 1:
        raise typer.BadParameter(f"{len(found)} songs do not fit in one picture; name a folder", param_hint="--plot")
    folders = {".labels.txt": labels, ".regions.csv": regions, ".cues.wav": cues, ".jams": jams}
    outputs = output_paths(found, plot, folders)
    predictor = Predictor(models)
    printer = make_printer(output_format, timeline, len(found) > 1, predictor.instruments, header=not finished)
    print_message(f"models: those {predictor.source}")
    failed = [
        _predict_and_write(predictor, song, hop, printer, files)
        for song, files in _with_bar(list(zip(found, outputs, strict=True)))
    ]
    raise typer.Exit(int(any(failed)))


def _predict_and_write(
    predictor: "Predictor", file: "SongFile", hop: float, printer: Printer, outputs: list[Path]
) -> bool:
    """Predict a song, print the prediction and write its output files; return whether any of that failed."""
    try:
        song = _predict(predictor, file, hop=hop)
    except AudioError as error:
        printer.error(file.name, str(error))
        return True
    printer.song(song)
    failed = False
    for path in outputs:
        try:
            write_output(song, path)
        except AudioError as error:
            failed = True
            print_message(f"{song.name}: {error}")
        except Exception as error:  # whatever went wrong, continue with the next file
            failed = True
            reason = getattr(error, "strerror", "") or str(error) or type(error).__name__
            print_message(f"{path}: cannot be written ({reason})")
    return failed


@app.command()
def export(
    onnx: Annotated[Path | None, typer.Option(help="The ONNX file to write.")] = None,
    hub: Annotated[Path | None, typer.Option(help="The folder to write for Hugging Face.")] = None,
    models: Models = None,
) -> None:
    """Write the models as one ONNX file, or as a model repository and a static Space for Hugging Face."""
    if not onnx and not hub:
        raise typer.BadParameter("name a file or a folder to write", param_hint="--onnx or --hub")
    if onnx:
        from timbre.export import export_onnx

        export_onnx(models, onnx)
        typer.echo(printable(f"{onnx}: waveforms to probabilities"))
    if hub:
        from timbre.hub.write import SPACE, write_hub

        write_hub(models, hub)
        typer.echo(printable(f"{hub}: a model repository; {hub / SPACE}: a static Space"))


@app.command()
def page(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The HTML file to write.")],
    models: Models = None,
) -> None:
    """Write a page that predicts songs in any browser: one HTML file that needs no network."""
    from timbre.page.write import write_page

    write_page(path, models)
    typer.echo(printable(f"{path}: {path.stat().st_size / 1e6:.1f} MB; open it in a browser"))


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port on this machine; 0 for any free port.")] = 8765,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    models: Models = None,
) -> None:
    """Serve the page on this machine only, and decode for it what browsers cannot decode."""
    from timbre.page.serve import serve as run

    run(models, port, browser)


@app.command(name="find")
def find_spans(
    query: Annotated[str, typer.Argument(help='Such as "violin and not (drums or piano)".')],
    songs: Songs,
    least: Annotated[float, typer.Option(help="Leave out matches shorter than this, in seconds.")] = 1.0,
    models: Models = None,
) -> None:
    """Find where in songs a query about instruments is true; prints one line per match, with start and end."""
    from timbre.songs.predictor import Predictor
    from timbre.tools.query import Query

    predictor, failed = Predictor(models), False
    parsed = Query(query, predictor.instruments)
    for file, song in _predict_all(_find_all(songs), predictor):
        failed |= song is None
        for start, end in parsed.spans(song.sections, song.seconds, least) if song else []:
            print(f"{printable(file.name)}\t{_minutes(start)}\t{_minutes(end)}", flush=True)
    raise typer.Exit(int(failed))


@app.command()
def tag(
    songs: Songs,
    write: Annotated[bool, typer.Option("--write", help="Write the tags. Without it, only print them.")] = False,
    backup: Annotated[
        Path, typer.Option(help="File for the previous values, as jsonl, one line per changed tag.")
    ] = Path("timbre-tags.jsonl"),
    models: Models = None,
) -> None:
    """Write the instruments of songs to the tag INSTRUMENTS of their files; the audio does not change."""
    from timbre.songs.predictor import Predictor
    from timbre.tools.tags import read_tags, write_tags

    needs("tag", "tags", "mutagen")
    predictor, failed = Predictor(models), False
    for file, song in _predict_all(_find_all(songs), predictor):
        if song is None:
            failed = True
            continue
        try:
            before = read_tags(Path(file.name))
            if write and before != song.present:
                write_tags(Path(file.name), song.present, backup)
        except AudioError as error:
            failed = True
            print_message(f"{file.name}: {error}")
            continue
        text = f"{'; '.join(song.present) or 'none'} (before: {'; '.join(before) or 'none'})"
        print(printable(f"{file.name}: {text}"), flush=True)
    if not write:
        print_message("nothing was written; add --write to write the tags")
    raise typer.Exit(int(failed))


def _find_all(arguments: Iterable[str]) -> list["SongFile"]:
    from timbre.songs.find import find

    return [song for argument in arguments for song in find(argument)]


def _predict_all(files: Sequence["SongFile"], predictor: "Predictor") -> Iterator[tuple["SongFile", "Song | None"]]:
    """Yield each file with its prediction, or None and a printed error line if it cannot be predicted."""
    for file in _with_bar(files):
        try:
            yield file, _predict(predictor, file)
        except AudioError as error:
            print_message(f"{file.name}: {error}")
            yield file, None


def _predict(predictor: "Predictor", file: "SongFile", **options: float) -> "Song":
    """Predict a song, with a progress bar if it is long, and with options of `listen`.

    Raises:
        AudioError: The song cannot be predicted.
    """
    if file.problem:
        raise AudioError(file.problem)
    with seconds_done(file.name) as on_progress:
        return predictor.listen(file.name, on_progress=on_progress, **options)


def _with_bar(items: Sequence[T]) -> Iterable[T]:
    """Show a bar over several songs, unless the predictions themselves appear on the terminal."""
    return items if sys.stdout.isatty() or len(items) == 1 else progress(items, "songs", unit="song")


def _minutes(seconds: float) -> str:
    """Format seconds such as `3:07.5`."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


@app.command()
def benchmark(
    folder: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER",
            help="A folder with a labels.csv, a folder for each instrument, Kaggle's layout, or a public data set.",
        ),
    ],
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Score degraded recordings: codecs, noise, rooms, speed, level.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="With --robustness: a .png file for a picture of it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    models: Models = None,
) -> None:
    """Score the models on a labelled folder: AUC, precision, recall, F1 and more, with 95 % intervals."""
    from timbre.benchmark.robustness import Robustness, draw, measure_robustness
    from timbre.benchmark.run import run_benchmark
    from timbre.evaluation.figures import save
    from timbre.sources.public import COLLECTIONS

    *data_sets, path = map(str, folder)  # `timbre benchmark openmic FOLDER` asks for that data set
    if len(data_sets) > 1 or not {*data_sets} <= COLLECTIONS.keys():
        raise typer.BadParameter(f"name one folder, or one of {', '.join(COLLECTIONS)} and a folder")
    if plot and not (robustness and plot.suffix.lower() == ".png"):
        raise typer.BadParameter("name a .png file, and add --robustness", param_hint="--plot")
    measure = measure_robustness if robustness else run_benchmark
    found = measure(Path(path), models, *data_sets)
    print(json.dumps(found.as_values(), indent=2) if as_json else found.as_markdown())
    if plot and isinstance(found, Robustness):
        with fresh_file(plot) as partial:
            save(draw(found), partial)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="The earlier revision or experiment.")],
    second: Annotated[str, typer.Argument(help="The later one; workspace: the files as they are.")] = "workspace",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Compare data, scores, params and code of two revisions or experiments, and say what causes a difference."""
    from timbre.compare import report
    from timbre.compare.comparison import compare_revisions

    found = compare_revisions(first, second)
    if as_json:
        print(json.dumps(report.as_values(found), indent=2))
    else:
        print(report.as_markdown(found) if as_markdown else report.as_text(found))
