"""heecon new and list: nothing here loads a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heecon.commands.common import make_console
from heecon.files import locate
from heecon.report.starter import make_starter


def new(folder: Annotated[Path, typer.Argument(help="Folder to make.")]) -> None:
    """Make a folder with a small commented model to start from."""
    name = make_starter(folder)
    console = make_console()
    console.print(f"Made {folder}. Try it:", markup=False, highlight=False)
    console.print(f"    cd {folder}\n    heecon run {name}", markup=False, highlight=False)


def list_models() -> None:
    """List the models and scenarios here and those that come with heecon."""
    console = make_console()
    roots = {"in this folder": Path.cwd(), "with heecon": locate.bundled()}
    if roots["in this folder"].resolve() == roots["with heecon"].resolve():
        del roots["in this folder"]
    for words, root in roots.items():
        names = locate.available(root)
        if names:
            console.print(f"Models and scenarios {words}:", markup=False, highlight=False)
            for name in names:
                mark = "  (default)" if name == locate.DEFAULT else ""
                console.print(f"    {name}{mark}", markup=False, highlight=False)
