"""Write files so that a reader never sees half of one, and text so that no program runs it."""

from __future__ import annotations

import csv
import io
import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from heecon.errors import InputError, Problem


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


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV text; numbers keep every digit, text can never become a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([inert(name) for name in header])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    if isinstance(value, str):
        return inert(value)
    return value


def inert(text: str) -> str:
    """Text a spreadsheet shows as it is: a leading =, +, -, @ or control character is quoted."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
