"""heecon new and list: nothing here loads a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from heecon.commands.common import make_console
from heecon.errors import InputError, Problem
from heecon.files import locate, names
from heecon.files.toml_file import read_toml
from heecon.report.starter import make_starter


def new(folder: Annotated[Path, typer.Argument(help="Folder to make.")]) -> None:
    """Make a folder with a small commented model to start from."""
    name = make_starter(folder)
    console = make_console()
    console.print(f"Made {folder}. Try it:", markup=False, highlight=False)
    console.print(f"    cd {folder}\n    heecon run {name}", markup=False, highlight=False)


def list_models(
    model: Annotated[
        str | None,
        typer.Argument(help="A model: its scenarios and their purpose.", show_default=False),
    ] = None,
) -> None:
    """List the models here and those that come with heecon, or the scenarios of one."""
    console = make_console()
    known = locate.available()
    models = {name: path for name, path in known.items() if "/" not in name}
    if model is not None:
        if model not in models:
            hint = names.did_you_mean(model, models)
            raise InputError(Problem("list", f"there is no model '{model}'", hint))
        for name, path in known.items():
            if name.startswith(f"{model}/"):
                head = _head(path)
                _line(console, name, str(head.get("title", "")))
                if head.get("purpose"):
                    console.print(Text(f"    {head['purpose']}"), soft_wrap=True)
        return
    for name, path in models.items():
        scenarios = sum(other.startswith(f"{name}/") for other in known)
        where = "" if path.is_relative_to(Path.cwd().resolve()) else "; with heecon"
        title = _head(path / "model.toml").get("model", {}).get("title", "")
        _line(console, name, f"{title} ({scenarios} scenarios{where})")
    console.print(Text(f"\nheecon list MODEL names its scenarios. Default: {locate.DEFAULT}"))


def _line(console: Console, name: str, words: str) -> None:
    console.print(Text.assemble((name, "bold"), f"  {words}"), soft_wrap=True)


def _head(path: Path) -> dict[str, Any]:
    """What a file says of itself; nothing if it cannot be read, which `heecon check` tells."""
    try:
        return dict(read_toml(path).data)
    except InputError:
        return {}
