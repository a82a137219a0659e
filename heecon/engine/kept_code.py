"""Compiled functions whose machine code is kept on disk, and done without where that fails.

All of it lies in ``cache_folder``, whatever numba's own variables say, since only that folder is
known to be the user's own.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import njit
from numba.core import caching

from heecon.engine.cache_folder import VARIABLE, folder_of

_SOURCES = ("kernels", "microsim_kernel", "person_totals", "random_numbers", "kept_code")
_HASH_BYTES = 32

_numba: Any = caching  # untyped


def kept(function: Callable[..., Any], name: str, **options: Any) -> Any:
    """Compile a function when it is first called; keep the machine code on disk if that can be.

    Args:
        function: to compile.
        name: of the folder of its code, which stands for everything it is made from.
        options: of numba's ``njit``.
    """
    compiled = njit(**options)(function)
    try:
        compiled._cache = _Code(function, folder_of(name))
    except (OSError, RuntimeError) as error:  # the last: there is no home folder
        _cannot_keep(str(error))
    return compiled


def is_compiled(function: Any) -> bool:
    """Whether a function is compiled, or there is machine code of it on disk.

    Only numba knows what lies there, and it has no public way to ask.
    """
    if getattr(function, "signatures", ()):
        return True
    file = getattr(getattr(function, "_cache", None), "_cache_file", None)
    try:
        return file is not None and bool(file._load_index())
    except Exception:  # a damaged index: whatever a pickle can raise
        return False


@cache
def source_digest() -> str:
    """A name for the engine's own source and what compiles it."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in _SOURCES]
    files.append(here.parent / "language" / "numba_runtime.py")
    found = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version}".encode())
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()[:32]


def _cannot_keep(error: str) -> None:
    _warn(
        f"the engine's compiled code cannot be kept ({error}), so every start compiles it anew and "
        f"takes seconds longer. Set {VARIABLE} to a folder with space that only you can write to"
    )


@cache
def _warn(text: str) -> None:
    """Warn once; numba forgets which warnings were shown."""
    warnings.warn(text, RuntimeWarning, stacklevel=2)


class _Folder(_numba._CacheLocator):  # type: ignore[misc]
    """Tells numba to use a folder whose name stands for the source."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._py_file = function.__code__.co_filename  # for a warning of numba's
        self._folder = folder

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._folder.name

    def get_disambiguator(self) -> str:
        return ""


class _Results(_numba.CompileResultCacheImpl):  # type: ignore[misc]
    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Folder(function, folder)
        self._filename_base = f"{function.__module__}.{function.__name__}"


class _Files(_numba.IndexDataCacheFile):  # type: ignore[misc]
    """Files that end with their hash: damaged machine code would end the program without a word."""

    def _dump(self, thing: object) -> bytes:
        content: bytes = super()._dump(thing)
        return content + hashlib.sha256(content).digest()

    def _load_index(self) -> Any:
        path = Path(self._index_path)
        if path.exists():
            _check(path.read_bytes()[len(pickle.dumps(self._version, protocol=-1)) :])
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check(Path(self._data_path(name)).read_bytes())
        return super()._load_data(name)


def _check(content: bytes) -> None:
    hashed = hashlib.sha256(content[:-_HASH_BYTES]).digest()
    if hashed != content[-_HASH_BYTES:]:
        raise ValueError("a file is damaged")


class _Code(_numba.FunctionCache):  # type: ignore[misc]
    """numba's cache of a function, in a folder of ours, that never stops a run."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._name = repr(function)
        self._py_func = function
        self._impl = _Results(function, folder)
        self._cache_path = str(folder)
        self._cache_file = _Files(str(folder), self._impl.filename_base, folder.name)
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever a damaged pickle can raise
            what = f"damaged machine code in {self._cache_path} is compiled anew"
            _warn(f"{what} ({type(error).__name__}: {error})")
            Path(self._cache_file._index_path).unlink(missing_ok=True)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            self.disable()
            _cannot_keep(str(error))
