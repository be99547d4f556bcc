"""C{python -m bench}: measure, print a table, write C{bench/results.json}."""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from bench import chatmock_package
from bench.children import allow_many_sockets
from bench.machine import facts
from bench.measures import measures
from bench.report import table, target_table, write_json
from bench.run import Run
from bench.targets import targets

_RESULTS = Path(__file__).resolve().parent / "results.json"


def _options() -> argparse.Namespace:
    names = [measure.name for measure in measures(quick=False)]
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="a minute, to try it; writes no results"
    )
    options.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar="NAME",
        help=f"only this measure; may be given again: {', '.join(names)}",
    )
    options.add_argument("--rounds", type=int, help="how many rounds (5; quick: 1)")
    options.add_argument(
        "--with-chatmock",
        action="store_true",
        help=f"install chatmock {chatmock_package.VERSION} beside, to compare with",
    )
    return options.parse_args()


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """Leave through every C{finally} on the way out."""
    raise SystemExit(128 + signal_number)


def main() -> int:
    """0 when all was measured and every answer was right, targets met or not."""
    options = _options()
    if sys.platform != "linux":
        print("the benchmark reads CPU clocks and /proc of Linux", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _stop)
    allow_many_sockets()
    if options.with_chatmock:
        chatmock_package.install()
    chosen = [
        measure
        for measure in measures(options.quick)
        if options.only is None or measure.name in options.only
    ]
    rounds = options.rounds or (1 if options.quick else 5)
    began, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    results = Run(chosen, rounds).go()
    wanted = targets(chosen)

    print(table(results, chosen), end="\n\n")
    print(target_table(results, wanted))
    for name, reason in results.left_out.items():
        print(f"\n{name} was left out: {reason}")
    faults = list(results.faults())
    if faults:
        print("\nfaults:", *faults, sep="\n  ")
    if not options.quick and options.only is None:
        run = {
            "machine": facts(),
            "began": began.isoformat(timespec="seconds"),
            "took_s": round(time.monotonic() - clock),
            "rounds_wanted": rounds,
        }
        write_json(_RESULTS, results, wanted, run)
    return 1 if results.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
