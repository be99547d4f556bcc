"""C{chatmockd}, for people who do not know twistd."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from chatmockd import __version__

_USAGE = """\
usage: chatmockd serve [options]    run in the foreground; the options are those of
                                    `twistd chatmockd --help`
       chatmockd --version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    The console script.

    @return: The exit status: 0, or 2 when the arguments make no sense.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    match words:
        case ["--version"]:
            print(f"chatmockd {__version__}")
            return 0
        case ["serve", *options]:
            return _serve(options)
        case ["--help" | "-h"]:
            print(_USAGE, end="")
            return 0
    print(_USAGE, end="", file=sys.stderr)
    return 2


def _serve(options: list[str]) -> int:
    # twistd reads its own command line, and nothing else.
    sys.argv = ["twistd", "--nodaemon", "--pidfile=", "chatmockd", *options]
    from twisted.scripts.twistd import run

    run()
    return 0
