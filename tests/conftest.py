"""Machine code of the tests' models is kept apart from the user's, and for the next test run."""

import os
import tempfile
from pathlib import Path

_USER = os.getuid() if hasattr(os, "getuid") else 0
os.environ.setdefault(
    "HEECON_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"heecon-tests-{_USER}")
)
