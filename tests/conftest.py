"""Machine code of the tests' models is kept apart from the user's, from one test run to the next."""

import os
import tempfile
from pathlib import Path

_USER = os.getuid() if hasattr(os, "getuid") else 0
os.environ.setdefault(
    "HEECON_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"heecon-tests-{_USER}")
)
