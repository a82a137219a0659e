"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from heecon.errors import InputError
from heecon.files.write import write_all


def test_writes_into_a_new_folder(tmp_path: Path) -> None:
    paths = write_all(tmp_path / "a" / "b", {"x.csv": "1\n", "y.json": "{}\n"})
    assert [path.read_text() for path in paths] == ["1\n", "{}\n"]
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["x.csv", "y.json"]


def test_keeps_other_files_and_replaces_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    (tmp_path / "x.csv").write_text("old")
    write_all(tmp_path, {"x.csv": "new"})
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert (tmp_path / "x.csv").read_text() == "new"


def test_nothing_is_left_when_one_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdopen
    calls = []

    def failing(handle: int, *args: object, **kwargs: object) -> object:
        calls.append(handle)
        if len(calls) == 2:
            os.close(handle)
            raise OSError(28, "No space left on device")
        return real(handle, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", failing)
    (tmp_path / "x.csv").write_text("old")
    with pytest.raises(InputError, match="No space left on device"):
        write_all(tmp_path, {"x.csv": "new", "y.csv": "new"})
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "old"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write here.*another folder"):
        write_all(tmp_path / "out", {"x.csv": ""})
