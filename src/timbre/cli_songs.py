"""The commands of `timbre` that predict songs: predict, find, tag and review."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from timbre.core.errors import AudioError, DataError
from timbre.core.extras import needs
from timbre.core.printable import printable
from timbre.core.stage import progress, seconds_done
from timbre.tools.outputs import output_paths, write_output
from timbre.tools.printing import Format, Printer, make_printer, print_message

if TYPE_CHECKING:
    from timbre.songs.find import SongFile
    from timbre.songs.predictor import Predictor
    from timbre.songs.song import Song

T = TypeVar("T")

SONGS_HELP = "Files, folders and patterns: wav, flac, ogg, opus, mp3, m4a, video and more; - for standard input."
MODELS_HELP = (
    "Folder with single, layered and timeline.safetensors. Default: models/ if the pipeline has run in this folder, "
    "otherwise the models released with timbre."
)

Songs = Annotated[list[str], typer.Argument(metavar="SONG", help=SONGS_HELP)]
Models = Annotated[Path | None, typer.Option(help=MODELS_HELP)]
Instruments = Annotated[str | None, typer.Option(help="Only these, such as guitar,voice. Default: all well tested.")]
All = Annotated[bool, typer.Option("--all", help="Also instruments that are little tested.")]


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
    instruments: Instruments = None,
    everything: All = False,
    models: Models = None,
) -> None:
    """Predict which instruments play in songs, and when."""
    from timbre.songs.predictor import Predictor
    from timbre.tools.resume import finished_songs
    from timbre.tools.shown import optional_columns, shown_instruments

    if jams:
        needs("--jams", "jams", "jams")
    finished = finished_songs(resume) if resume else frozenset()
    found = [song for song in _find_all(songs) if not finished & {song.name, printable(song.name)}]  # as JSON, as CSV
    if plot and plot.suffix.lower() == ".png" and len(found) > 1:
        raise typer.BadParameter(f"{len(found)} songs do not fit in one picture; name a folder", param_hint="--plot")
    folders = {".labels.txt": labels, ".regions.csv": regions, ".cues.wav": cues, ".jams": jams}
    outputs = output_paths(found, plot, folders)
    predictor = Predictor(models)
    shown = shown_instruments(predictor.engine, instruments, everything)
    printed = shown if instruments or output_format is Format.TEXT else predictor.instruments
    optional = optional_columns(predictor.engine, printed)
    printer = make_printer(output_format, timeline, len(found) > 1, printed, optional, header=not finished)
    print_message(f"models: those {predictor.source}")
    failed = [
        _predict_and_write(predictor, song, hop, printer, shown, files)
        for song, files in _with_bar(list(zip(found, outputs, strict=True)))
    ]
    raise typer.Exit(int(any(failed)))


def _predict_and_write(
    predictor: "Predictor", file: "SongFile", hop: float, printer: Printer, shown: Sequence[str], outputs: list[Path]
) -> bool:
    """Predict a song, print the prediction and write its output files, which have the instruments that are shown.

    Returns:
        Whether any of that failed.
    """
    try:
        song = _predict(predictor, file, hop=hop)
    except AudioError as error:
        printer.error(file.name, str(error))
        return True
    printer.song(song)
    failed = False
    for path in outputs:
        try:
            write_output(song.only(shown), path)
        except AudioError as error:
            failed = True
            print_message(f"{song.name}: {error}")
        except Exception as error:  # whatever went wrong, continue with the next file
            failed = True
            reason = getattr(error, "strerror", "") or str(error) or type(error).__name__
            print_message(f"{path}: cannot be written ({reason})")
    return failed


def find(
    query: Annotated[str, typer.Argument(help='Such as "violin and not (drums or piano)".')],
    songs: Songs,
    least: Annotated[float, typer.Option(help="Leave out matches shorter than this, in seconds.")] = 1.0,
    sure: Annotated[bool, typer.Option("--sure", help="Only matches that are sure.")] = False,
    everything: All = False,
    models: Models = None,
) -> None:
    """Find where in songs a query about instruments is true; prints one line per match, with start and end."""
    from timbre.songs.predictor import Predictor
    from timbre.tools.query import Query

    predictor, failed = Predictor(models), False
    parsed = Query(query, predictor.instruments)
    if hidden := [] if everything else [name for name in predictor.engine.little_tested if name in parsed.names]:
        raise DataError(f"query {query!r}: {hidden[0]} is little tested; add --all to search for it")
    if sure and not predictor.engine.sure:
        raise DataError(f"--sure: the models {predictor.source} do not say what is sure; leave it out")
    for file, song in _predict_all(_find_all(songs), predictor):
        failed |= song is None
        if song is None:
            continue
        answers = song.sure_answers if sure else None
        for start, end in parsed.spans(song.sections, song.seconds, least, answers):
            print(f"{printable(file.name)}\t{_minutes(start)}\t{_minutes(end)}", flush=True)
    raise typer.Exit(int(failed))


def tag(
    songs: Songs,
    write: Annotated[bool, typer.Option("--write", help="Write the tags. Without it, only print them.")] = False,
    backup: Annotated[
        Path, typer.Option(help="File for the previous values, as jsonl, one line per changed tag.")
    ] = Path("timbre-tags.jsonl"),
    unsure: Annotated[bool, typer.Option("--unsure", help="Also what is present, but not surely.")] = False,
    instruments: Instruments = None,
    everything: All = False,
    models: Models = None,
) -> None:
    """Write the instruments of songs to the tag INSTRUMENTS of their files; the audio does not change."""
    from timbre.songs.predictor import Predictor
    from timbre.tools.shown import shown_instruments
    from timbre.tools.tags import read_tags, write_tags

    needs("tag", "tags", "mutagen")
    predictor, failed = Predictor(models), False
    shown = shown_instruments(predictor.engine, instruments, everything)
    for file, song in _predict_all(_find_all(songs), predictor):
        if song is None:
            failed = True
            continue
        names = [name for name in song.only(shown).present if unsure or name not in song.unsure]
        try:
            before = read_tags(Path(file.name))
            if write and before != names:
                write_tags(Path(file.name), names, backup)
        except AudioError as error:
            failed = True
            print_message(f"{file.name}: {error}")
            continue
        text = f"{'; '.join(names) or 'none'} (before: {'; '.join(before) or 'none'})"
        print(printable(f"{file.name}: {text}"), flush=True)
    if not write:
        print_message("nothing was written; add --write to write the tags")
    raise typer.Exit(int(failed))


def review(
    folder: Annotated[Path, typer.Argument(help="The folder with the songs. The answers are kept in its labels.csv.")],
    tasks: Annotated[Path | None, typer.Option(help="No page: write tasks for Label Studio to this folder.")] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="No page: read answers from this JSON export of Label Studio.")
    ] = None,
    instruments: Instruments = None,
    everything: All = False,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 for any free port.")] = 8766,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    models: Models = None,
) -> None:
    """Open a page where you say which instruments play in the songs of a folder, least certain songs first."""
    if not (tasks or annotations):
        from timbre.page.serve import review as run

        run(folder, models, instruments, everything, port, browser)
        return
    from timbre.songs.find import songs_of
    from timbre.songs.predictor import Predictor
    from timbre.tools.answers import Answers
    from timbre.tools.label_studio import as_task, read_annotations, write_tasks
    from timbre.tools.shown import shown_instruments

    predictor, files = Predictor(models), songs_of(folder)
    if annotations:
        answers = read_annotations(annotations, predictor.instruments)
        Answers(folder, predictor.instruments).save(answers)
        print_message(f"{annotations}: answers about {len(answers)} songs are in {folder / 'labels.csv'}")
    if tasks:
        shown = shown_instruments(predictor.engine, instruments, everything)
        made = [
            as_task(song.only(shown), Path(file.inside).as_posix(), folder.resolve().name)
            for file, song in _predict_all(files, predictor)
            if song
        ]
        write_tasks(made, shown, tasks)
        print_message(f"{tasks}: {len(made)} tasks of {len(files)} songs, and the project's configuration")
        raise typer.Exit(int(len(made) < len(files)))


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
