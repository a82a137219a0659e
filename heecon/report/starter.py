"""Make a folder with the commented starter model."""

from __future__ import annotations

from pathlib import Path

from heecon.errors import InputError, Problem
from heecon.files.locate import bundled
from heecon.files.write import write_all

TEMPLATE = "starter"
NAME = "my_model"


def make_starter(folder: Path) -> str:
    """Copy the starter model and its scenarios into a new folder.

    Args:
        folder: made here; if it exists it must be empty.

    Returns:
        What ``heecon run`` takes in that folder.

    Raises:
        InputError: the folder exists and is not empty, or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "there is something of this name already"
        raise InputError(Problem(str(folder), what, "Name a new folder; nothing was changed"))
    for part in ("inputs", "scenarios"):
        template = bundled() / part / TEMPLATE
        for source in [template, *(path for path in template.iterdir() if path.is_dir())]:
            texts = {
                path.name: path.read_text(encoding="utf-8")
                for path in sorted(source.iterdir())
                if path.is_file()
            }
            write_all(folder / part / NAME / source.relative_to(template), texts)
    return f"{NAME}/base_case"
