"""Write files so that a reader never sees half of one, nor files of two runs as one."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from heecon.errors import InputError, Problem, shown
from heecon.table import Table

OUTPUTS = "outputs"
"""Key of a manifest below which the files of its set stand with their hashes."""

_PREFIX, _SUFFIX = ".heecon-", ".part"
_LEFT_AFTER = 3600.0
"""Seconds after which an unfinished file is one that a killed run left."""


def write_all(
    folder: Path,
    contents: Mapping[str, str | bytes],
    manifest: str = "",
    about: Mapping[str, object] | None = None,
) -> list[Path]:
    """Write several files of a folder, all or none.

    Every file is first written under a temporary name on the same disk; only when all are
    complete do they take their names, the manifest last. It lists the others with their hashes, so
    a folder without it, or with other hashes, is one whose writing was cut off. What the manifest
    of an earlier run lists and this run has not is deleted, unless somebody changed it.

    Args:
        folder: created if need be.
        contents: file name -> text, or bytes.
        manifest: file name of the manifest; no manifest if empty.
        about: what it says besides.

    Returns:
        The paths written, in the order given.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    if manifest:
        listed = {name: content_hash(content) for name, content in contents.items()}
        contents = {**contents, manifest: json_text({**(about or {}), OUTPUTS: listed})}
    waiting: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        for name, content in contents.items():
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=_PREFIX, suffix=_SUFFIX)
            waiting.append((Path(temporary), folder / name))
            with os.fdopen(handle, "wb") as file:
                file.write(_bytes(content))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
        if manifest:
            _retire(folder, manifest, contents)
        for temporary_path, path in waiting:
            temporary_path.replace(path)
        _sync(folder)
    except (OSError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "the path has too many folders"
        what = f"cannot write here: {reason}"
        where = str(folder) if len(str(folder)) <= 300 else shown(str(folder))
        raise InputError(Problem(where, what, "Choose another folder")) from None
    finally:
        for temporary_path, _ in waiting:
            temporary_path.unlink(missing_ok=True)
    return [path for _, path in waiting]


def add_to_set(folder: Path, name: str, content: bytes, manifest: str) -> Path:
    """Write one more file of a set that ``write_all`` wrote, and list it in its manifest."""
    about = _read(folder / manifest)
    old = {key: (folder / key).read_bytes() for key in _listed(folder, about) if key != name}
    write_all(folder, old | {name: content}, manifest, about)
    return folder / name


def csv_files(tables: Iterable[Table]) -> dict[str, str]:
    """Tables as the contents of files: NAME.csv -> text.

    A byte-order mark stands before text that is not ASCII: Excel shows it wrong without.
    """
    texts = {f"{table.name}.csv": table.to_csv() for table in tables}
    return {name: text if text.isascii() else f"\ufeff{text}" for name, text in texts.items()}


def json_text(content: Mapping[str, object]) -> str:
    """Plain data as JSON; a number that is not finite is a fault of the caller."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def content_hash(content: str | bytes) -> str:
    """SHA-256 of the content of a file, as manifests write it."""
    return f"sha256:{hashlib.sha256(_bytes(content)).hexdigest()}"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as manifests write it."""
    return content_hash(path.read_bytes())


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _sweep(folder: Path) -> None:
    """Delete what a killed run left unfinished; a younger one may belong to a run going on."""
    for left in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        if time.time() - left.stat().st_mtime > _LEFT_AFTER:
            left.unlink(missing_ok=True)


def _retire(folder: Path, manifest: str, contents: Mapping[str, object]) -> None:
    """Delete an earlier manifest, and what it lists that is not written again."""
    listed = _listed(folder, _read(folder / manifest))
    (folder / manifest).unlink(missing_ok=True)
    for name, hashed in listed.items():
        path = folder / name
        if name not in contents and file_hash(path) == hashed:
            path.unlink()


def _read(manifest: Path) -> dict[str, object]:
    """An earlier manifest; empty if there is none or somebody else wrote it."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _listed(folder: Path, about: Mapping[str, object]) -> dict[str, str]:
    """The files of the folder that a manifest lists, with their hashes."""
    listed = about.get(OUTPUTS)
    if not isinstance(listed, dict):
        return {}
    return {
        name: hashed
        for name, hashed in listed.items()
        if Path(name).name == name and (folder / name).is_file() and isinstance(hashed, str)
    }


def _sync(folder: Path) -> None:
    """Have the names of the files on the disk too; only POSIX systems can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
