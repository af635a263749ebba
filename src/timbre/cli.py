"""The command `timbre`. Each command imports heavy libraries itself, so that help is fast."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre import cli_songs
from timbre.cli_songs import MODELS_HELP, Models
from timbre.core.extras import needs
from timbre.core.files import fresh_file
from timbre.core.own_paths import check_own_paths
from timbre.core.params import load_params
from timbre.core.printable import printable
from timbre.core.stage import one_line_errors
from timbre.tools.printing import print_message

if TYPE_CHECKING:
    from timbre.adapt.sure_answers import SureAnswers
    from timbre.benchmark.robustness import Robustness
    from timbre.benchmark.run import Benchmark

HELP = "Recognise instruments in audio: which of them play, and when."

app = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP, rich_markup_mode=None)


def main() -> None:
    """Run the command line."""
    with one_line_errors("timbre"):
        app()


for command in (cli_songs.predict, cli_songs.find, cli_songs.tag, cli_songs.review):
    app.command()(command)


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The params file.")] = Path("params.yaml")) -> None:
    """Check params.yaml, as every stage does before it runs, and the paths in it, which DVC reads before that."""
    for note in check_own_paths(load_params(path)):
        print_message(note)


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
    from timbre.sources.public import COLLECTIONS

    *data_sets, path = map(str, folder)  # `timbre benchmark openmic FOLDER` asks for that data set
    if len(data_sets) > 1 or not {*data_sets} <= COLLECTIONS.keys():
        raise typer.BadParameter(f"name one folder, or one of {', '.join(COLLECTIONS)} and a folder")
    if plot and not (robustness and plot.suffix.lower() == ".png"):
        raise typer.BadParameter("name a .png file, and add --robustness", param_hint="--plot")
    if robustness:
        from timbre.benchmark.robustness import draw, measure_robustness

        degraded = measure_robustness(Path(path), models, *data_sets)
        _print_scores(degraded, as_json)
        if plot:
            from timbre.evaluation.figures import save

            with fresh_file(plot) as partial:
                save(draw(degraded), partial)
    else:
        from timbre.benchmark.run import run_benchmark

        _print_scores(run_benchmark(Path(path), models, *data_sets), as_json)


@app.command()
def sure(
    folder: Annotated[Path, typer.Argument(help="A labelled folder with songs of several sources, see benchmark.")],
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Share of sure answers that must be right.")] = 0.95,
    output: Annotated[Path | None, typer.Option(help="Folder for models that say which answers are sure.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    models: Models = None,
) -> None:
    """Choose from which probability on answers are sure, and measure how many are, and how many of those are wrong."""
    from timbre.adapt.sure_answers import measure_sure_answers, write_sure_models

    needs("sure", "pipeline", "torch", "safetensors", "scipy")
    measured = (
        write_sure_models(folder, output, models, level) if output else measure_sure_answers(folder, models, level)
    )
    _print_scores(measured, as_json)


def _print_scores(found: "Benchmark | Robustness | SureAnswers", as_json: bool) -> None:
    """Print scores as JSON or Markdown."""
    print(json.dumps(found.as_values(), indent=2) if as_json else found.as_markdown())


@app.command()
def adapt(
    folder: Annotated[Path, typer.Argument(help="A folder with songs and a labels.csv, as timbre review writes it.")],
    classes: Annotated[
        bool, typer.Option("--classes", help="It has one subfolder per instrument: train models of these instruments.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the new models. Default: models in the folder of the songs.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help=f"The models to adapt. {MODELS_HELP}")] = None,
) -> None:
    """Adapt the models to songs that you corrected, and keep the old ones unless the new ones are better."""
    needs("adapt", "pipeline", "torch", "safetensors", "sklearn")
    from timbre.adapt.output import MODELS

    output = output or folder / MODELS
    if classes:
        from timbre.adapt.own_classes import FEW_CLIPS, train_own_classes

        if models:
            raise typer.BadParameter("leave it out with --classes", param_hint="--models")
        train_own_classes(folder, output, Path(), FEW_CLIPS, print_message)
        typer.echo(printable(f"{output}: models of your instruments; timbre predict --models uses them"))
        return
    from timbre.adapt.run import adapt as run

    adapted = run(folder, output, models)
    for line in adapted.unreadable:
        print_message(line)
    for line in adapted.as_text().splitlines():
        typer.echo(printable(line))


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
