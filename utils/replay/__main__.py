"""What authors do with recordings: ``python -m utils.replay record LAB`` and ``… check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from utils.errors import FixtureError, KitError
from utils.replay.fixtures import fixture_of, known_fixtures, label, load_scenario
from utils.replay.rerecord import notebook_of, rerecord, slug

app = typer.Typer(
    help="Recorded conversations: make them again, or look whether they can be used.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def record(
    lab: Annotated[str, typer.Argument(help="such as 01_persistence, or just persistence")],
    notebook: Annotated[Path | None, typer.Option(help="instead of the lab's solution")] = None,
    fixture: Annotated[Path | None, typer.Option(help="instead of the lab's fixture")] = None,
) -> None:
    """Execute a lab's solution against the real provider and store what it answers.

    Needs the provider's key and the search service's in .env or the environment. Conversations that the
    notebook does not have stay as they are. Nothing is written when anything fails.
    """
    try:
        source = notebook or notebook_of(lab)
        target = fixture or fixture_of(slug(lab))
        typer.echo(f"Recording {source.name}: this asks the real model and may cost money.", err=True)
        typer.echo(rerecord(source, target))
    except KitError as error:
        typer.echo(f"Not recorded. {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="by default the fixtures of all labs")] = None,
) -> None:
    """Look whether fixtures can be used: one line for each, exit code 1 if one cannot."""
    wrong = False
    for path in files or known_fixtures().values():
        try:
            scenario = load_scenario(path)
        except FixtureError as error:
            wrong = True
            typer.echo(str(error))
            continue
        kinds = [conversation.origin.kind for conversation in scenario.conversations]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        typer.echo(f"{label(path)}: fine, {len(kinds)} conversations ({told})")
    if wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m utils.replay")
