"""The command `timbre`. Heavy libraries are imported where a command needs them, so that help is instant."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.errors import AudioError
from timbre.params import load_params
from timbre.running import one_line_errors

if TYPE_CHECKING:
    from timbre.predict import Answer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0], rich_markup_mode=None)


class Format(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSONL = "jsonl"


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
    files: Annotated[list[str], typer.Argument(help="Audio files: wav, flac, ogg or mp3, of any length.")],
    form: Annotated[Format, typer.Option("--format", help="text for people, jsonl for programs.")] = Format.TEXT,
    models: Annotated[Path, typer.Option(help="The folder with single.safetensors and layered.safetensors.")] = Path(
        "models"
    ),
) -> None:
    """Say which instruments play in audio files."""
    from timbre.predict import Ear

    ear = Ear(models)
    failed = False
    for file in files:
        try:
            answer = ear.listen(file)
        except AudioError as error:
            failed = True
            if form is Format.JSONL:
                print(json.dumps({"file": file, "error": str(error)}, ensure_ascii=False), flush=True)
            else:
                typer.echo(f"{file}: {error}", err=True)
        else:
            line = json.dumps({"file": file, **asdict(answer)}, ensure_ascii=False)
            print(line if form is Format.JSONL else _as_text(file, answer), flush=True)
    raise typer.Exit(int(failed))


def _as_text(file: str, answer: "Answer") -> str:
    """An answer for people: one line that says it, and a bar an instrument."""
    lines = [
        f"{file}",
        f"  alone:   {answer.instrument} ({answer.single[answer.instrument]:.2f})",
        f"  layered: {' + '.join(answer.present) or 'none of the four'}",
    ]
    for instrument, probability in answer.layered.items():
        full = round(probability * 20)
        lines.append(f"    {instrument:<7} {'█' * full}{'░' * (20 - full)} {probability:.2f}")
    return "\n".join(lines)
