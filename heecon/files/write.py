"""Write files so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from heecon.errors import InputError, Problem
from heecon.table import Table


def write_all(folder: Path, contents: Mapping[str, str | bytes]) -> list[Path]:
    """Write several files of a folder, all or none.

    Every file is first written under a temporary name on the same disk; only when all are
    complete do they take their names.

    Args:
        folder: created if need be.
        contents: file name -> text, or bytes.

    Returns:
        The paths written, in the order given.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
            waiting.append((Path(temporary), folder / name))
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            Path(temporary).chmod(0o644)
        for temporary_path, path in waiting:
            temporary_path.replace(path)
    except OSError as error:
        what = f"cannot write here: {error.strerror}"
        raise InputError(Problem(str(folder), what, "Choose another folder")) from None
    finally:
        for temporary_path, _ in waiting:
            temporary_path.unlink(missing_ok=True)
    return [path for _, path in waiting]


def write_bytes(path: Path, content: bytes) -> Path:
    """Write one file, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        what = f"cannot write here: {error.strerror}"
        raise InputError(Problem(str(path), what, "Choose another file")) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def csv_files(tables: Iterable[Table]) -> dict[str, str]:
    """Tables as the contents of files: NAME.csv -> text."""
    return {f"{table.name}.csv": table.to_csv() for table in tables}
