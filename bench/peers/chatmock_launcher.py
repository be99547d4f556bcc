"""Starts the published C{chatmock} package towards a loopback upstream.

It runs under the Python of the virtual environment where that package is installed, and
changes one thing: the address of the upstream, for which the package has no option.
"""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> None:
    """C{chatmock_launcher.py UPSTREAM_URL serve --port N}."""
    url = sys.argv.pop(1)
    for name in ("chatmock.config", "chatmock.upstream"):
        module = import_module(name)
        if not hasattr(module, "CHATGPT_RESPONSES_URL"):
            raise SystemExit(f"{name} has changed: it names no upstream address")
        module.CHATGPT_RESPONSES_URL = url  # type: ignore[attr-defined]
    import_module("chatmock.cli").main()


if __name__ == "__main__":
    main()
