"""A folder for machine code that only the user can write to."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

KEPT = 100
"""Folders of machine code that are kept (one a model, one the engine's); the least recently used
go."""

VARIABLE = "HEECON_CACHE_DIR"
"""Environment variable that names another folder."""


def cache_root() -> Path:
    """Where the user's caches lie."""
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "heecon"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "heecon"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heecon"


def folder_of(name: str) -> Path:
    """A safe folder for machine code, made if need be.

    Machine code is run as it is found: so the folder and those it lies in, up to the cache's root,
    must be the user's own and closed to everybody else's writing.

    Args:
        name: letters and digits.

    Raises:
        OSError: there can be none, or it is not safe.
    """
    root = cache_root()
    folder = root / "code" / name
    root.parent.mkdir(parents=True, exist_ok=True)
    for path in (root, root / "code", folder):
        path.mkdir(exist_ok=True, mode=0o700)
        _check_own(path)
    os.utime(folder)
    _tidy(root / "code", folder)
    return folder


def _check_own(path: Path) -> None:
    if os.name != "posix":
        return
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{path} is not a folder")
    if found.st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to somebody else")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"others may write to {path}")


def _tidy(parent: Path, keep: Path) -> None:
    """Delete what has not been used for longest."""
    others = [path for path in parent.iterdir() if path.is_dir() and path != keep]
    if len(others) < KEPT:
        return
    others.sort(key=lambda path: path.stat().st_mtime)
    for path in others[: len(others) - KEPT + 1]:
        shutil.rmtree(path, ignore_errors=True)
