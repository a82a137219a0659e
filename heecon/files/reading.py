"""What can be wrong with any file before its content is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heecon.errors import InputError, Problem


@contextmanager
def reading(
    path: Path, name: str, limit: int, smaller: str, kind: str, utf8: str
) -> Iterator[None]:
    """Refuse what is no file of a bearable size; turn errors of reading it inside into problems.

    Args:
        path: the file.
        name: how messages call it.
        limit: bytes that are read.
        smaller: what to do about a larger file.
        kind: what should be there: "a table".
        utf8: what to save a file as whose text is not UTF-8.

    Raises:
        InputError: it is missing, too large, not a regular file, not UTF-8, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(Problem(name, "this is not a regular file", f"Put {kind} there"))
        size = path.stat().st_size
        if size > limit:
            what = f"the file has {size:,} bytes; at most {limit:,} are read"
            raise InputError(Problem(name, what, smaller))
        yield
    except FileNotFoundError:
        raise InputError(Problem(name, f"there is no file {path}", "Check the path")) from None
    except UnicodeDecodeError as error:
        what = f"the file is not UTF-8 text (byte {error.start})"
        raise InputError(Problem(name, what, f"Save it as {utf8}")) from None
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        raise InputError(Problem(name, what, "Check its permissions")) from None
