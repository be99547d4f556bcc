"""A daemon on a machine whose time of day is set."""

from __future__ import annotations

import unittest

from tests.end_to_end.client import Client, is_healthy
from tests.end_to_end.place import Place
from tests.end_to_end.upstream import Upstream

# Before anything else asks for the time.
_SITE = """
import time, pathlib
real = time.time
def set_time():
    try:
        return real() + float(pathlib.Path({file!r}).read_text())
    except FileNotFoundError:
        return real()
time.time = set_time
"""


class SetClockTests(unittest.TestCase):
    """While a turn waits for its upstream."""

    def test_by_an_hour(self) -> None:
        """Forward or back, the time-out comes when it should, and so does all else."""
        for seconds in ("-3600", "3600"):
            with (
                self.subTest(seconds=seconds),
                Place() as place,
                Upstream() as upstream,
            ):
                set_by = place.folder / "set-by"
                site = _SITE.format(file=str(set_by))
                place.write("site/sitecustomize.py", site)
                path = f"{place.folder / 'site'}:{place.environ()['PYTHONPATH']}"
                daemon = place.start(
                    "upstream.profile=openai",
                    f"upstream.url={upstream.url}",
                    "upstream.first_event_timeout_s=2",
                    simulate=False,
                    environ={"OPENAI_API_KEY": "sk-1", "PYTHONPATH": path},
                )
                client = self.enterContext(Client(daemon.port))
                client.stream("Hi")
                wire = upstream.accept()
                wire.upgrade()
                wire.receive()
                set_by.write_text(seconds)
                self.assertEqual(client.status, 504)
                client.body()
                self.assertTrue(is_healthy(daemon.port))
                line = daemon.log_line("POST /v1/responses 504 in ")
                self.assertRegex(line, r" in \d\d?\.\d{3} s")
                asked = client.ask("GET", "/v1/status")
                self.assertLess(asked.json()["uptime_s"], 100)
