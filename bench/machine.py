"""On what a run was made: the machine as far as it matters, and versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import ssl
from pathlib import Path

from bench import chatmock_package

_PACKAGES = (
    "Twisted",
    "autobahn",
    "klein",
    "msgspec",
    "Automat",
    "pyOpenSSL",
    "cryptography",
)


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text(encoding="ascii", errors="replace"))
    return found.group(1).strip() if found else "unknown"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def facts() -> dict[str, object]:
    """What a reader must know to compare this run with another."""
    memory_kib = int(_first(r"MemTotal:\s*(\d+)", "/proc/meminfo"))
    return {
        "cpu": _first(r"model name\s*:\s*(.*)", "/proc/cpuinfo"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_kib * 1024 / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "versions": {
            **{package: _version(package) for package in _PACKAGES},
            "chatmock": chatmock_package.installed_version() or "not installed",
        },
    }
