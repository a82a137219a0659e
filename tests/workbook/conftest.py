"""One export for all tests of a module: it takes half a second."""

import shutil
from pathlib import Path

import pytest

from tests.workbook import books


@pytest.fixture(scope="session")
def _exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exported")
    books.write_files(root)
    books.PLACES[:] = [books.Places(books.export(root))]
    return root


@pytest.fixture
def export(_exported: Path, tmp_path: Path) -> Path:
    """A fresh export beside its model, in a folder of the test's own."""
    shutil.copytree(_exported, tmp_path, dirs_exist_ok=True)
    return tmp_path / "small.xlsx"


@pytest.fixture(scope="session")
def export_to_read(_exported: Path) -> Path:
    """A fresh export that must not be changed."""
    return _exported / "small.xlsx"
