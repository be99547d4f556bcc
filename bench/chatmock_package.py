"""The published C{chatmock} package, in a virtual environment of its own.

It is never a dependency: where it is not installed, the benchmark runs without it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VERSION = "1.40"
"""The release that is compared with."""

_FOLDER = Path(__file__).resolve().parent / ".venvs" / "chatmock"
PYTHON = _FOLDER / "bin" / "python"

_ASK_VERSION = "import importlib.metadata as m; print(m.version('chatmock'))"


def installed_version() -> str | None:
    """The version that lies in its virtual environment, if any does."""
    if not PYTHON.exists():
        return None
    asked = subprocess.run(
        [PYTHON, "-c", _ASK_VERSION], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def install() -> None:
    """Make the virtual environment and install the package there, once."""
    if installed_version() == VERSION:
        return
    subprocess.run([sys.executable, "-m", "venv", _FOLDER], check=True)
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--quiet", f"chatmock=={VERSION}"], check=True)
