"""Files appear whole or not at all."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heecon.errors import InputError
from heecon.files.table_file import read_table
from heecon.files.write import add_to_set, csv_files, write_all
from heecon.table import Column, Table


def test_text_that_is_not_ascii_has_a_byte_order_mark_for_excel(tmp_path: Path) -> None:
    found = {"x": "£", "y": "GBP"}
    tables = [Table(name, "", [Column("a", "", [text])]) for name, text in found.items()]
    write_all(tmp_path, csv_files(tables))
    assert (tmp_path / "x.csv").read_bytes() == "\ufeffa\n£\n".encode()
    assert (tmp_path / "y.csv").read_bytes() == b"a\nGBP\n"
    for name, text in found.items():
        read = read_table(tmp_path / f"{name}.csv")
        assert (list(read.header), [list(row) for row in read.rows]) == (["a"], [[text]])


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


def test_a_path_of_thousands_of_folders(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a"] * 2_000)
    with pytest.raises(InputError, match="cannot write here") as refused:
        write_all(deep, {"x.csv": ""})
    assert len(str(refused.value)) < 300


def test_the_manifest_lists_the_files_with_their_hashes(tmp_path: Path) -> None:
    paths = write_all(tmp_path, {"x.csv": "1\n", "y.bin": b"2"}, "manifest.json", {"seed": 3})
    assert [path.name for path in paths] == ["x.csv", "y.bin", "manifest.json"]
    found = json.loads((tmp_path / "manifest.json").read_text())
    assert found == {
        "seed": 3,
        "outputs": {
            "x.csv": f"sha256:{hashlib.sha256(b'1' + chr(10).encode()).hexdigest()}",
            "y.bin": f"sha256:{hashlib.sha256(b'2').hexdigest()}",
        },
    }


def test_files_of_an_earlier_run_go_unless_somebody_changed_them(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("keep")
    write_all(tmp_path, {"x": "1", "picture": "2", "edited": "3"}, "manifest.json")
    (tmp_path / "edited").write_text("by hand")
    write_all(tmp_path, {"x": "4"}, "manifest.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("edited", "manifest.json", "mine.csv", "x")
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"outputs": ["../x"]}', "[" * 100_000, "\ud800", '{"outputs": 1}']
)
def test_a_manifest_of_a_stranger_deletes_nothing(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "out"
    write_all(folder, {"manifest.json": text.encode("utf-8", "surrogatepass")})
    write_all(folder, {"y": ""}, "manifest.json")
    assert (folder / "manifest.json").is_file()


def test_a_manifest_deletes_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    listed = {"../x": f"sha256:{hashlib.sha256(b'1').hexdigest()}"}
    write_all(tmp_path / "out", {"manifest.json": json.dumps({"outputs": listed})})
    write_all(tmp_path / "out", {"y": ""}, "manifest.json")
    assert (tmp_path / "x").is_file()


def test_one_more_file_of_a_set(tmp_path: Path) -> None:
    write_all(tmp_path, {"x": "1"}, "manifest.json", {"seed": 3})
    add_to_set(tmp_path, "book.xlsx", b"2", "manifest.json")
    found = json.loads((tmp_path / "manifest.json").read_text())
    assert (found["seed"], list(found["outputs"])) == (3, ["x", "book.xlsx"])
    write_all(tmp_path, {"x": "1"}, "manifest.json")
    assert not (tmp_path / "book.xlsx").exists()


def test_a_cut_between_two_files_leaves_no_manifest_that_vouches_for_the_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path, {"x": "1", "y": "1"}, "manifest.json")
    replace = Path.replace

    def cut(path: Path, target: Path) -> Path:
        if target.name == "y":
            raise SystemExit(143)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(SystemExit):
        write_all(tmp_path, {"x": "2", "y": "2"}, "manifest.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "y"]


def test_what_a_killed_run_left_unfinished_goes(tmp_path: Path) -> None:
    for name, age in ((".heecon-old.part", 7_200), (".heecon-new.part", 0), (".other.part", 7_200)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    write_all(tmp_path, {"x": ""})
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == [".heecon-new.part", ".other.part", "x"]


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cleans_up(tmp_path: Path, number: int) -> None:
    program = """
import os, sys
from heecon import cli
from heecon.files import write
def stopped(handle):
    os.kill(os.getpid(), int(sys.argv[2]))
os.fsync = stopped
cli.app = lambda: write.write_all(write.Path(sys.argv[1]), {"x": "1"})
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(int(number))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        128 + number,
        "\nStopped; what was not finished was not written.\n",
    )
    assert not list(tmp_path.iterdir())
