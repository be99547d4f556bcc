"""The command line of C{serve}, and the one of twistd that it becomes."""

from __future__ import annotations

import contextlib
import errno
import io
import sys
from argparse import ArgumentParser
from itertools import pairwise

from twisted.internet.error import CannotListenError
from twisted.scripts import twistd
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.commands.serve import add_options, serve, words_for_twistd
from chatmockd.config import load
from chatmockd.settings import Settings
from tests.core.cases import case


class ServeTests(SynchronousTestCase):
    """What ChatMock's options mean."""

    def words(self, *line: str) -> list[str]:
        parser = ArgumentParser()
        parser.add_argument("--config")
        parser.add_argument("--set", action="append", default=[])
        add_options(parser)
        return words_for_twistd(parser.parse_args(line))

    def settings(self, *line: str) -> Settings:
        """What the daemon makes of them."""
        words = self.words(*line)
        sets = [after for word, after in pairwise(words) if word == "--set"]
        return load(None, {}, sets)

    def test_none(self) -> None:
        """Then nothing is overridden: the file and the environment count."""
        expected = ["twistd", "--nodaemon", "--pidfile=", "chatmockd"]
        self.assertEqual(self.words(), expected)
        more = ["--simulate", "--check", "--config", "f", "--set", "a.b=c"]
        self.assertEqual(self.words(*more), [*expected, *more])

    def test_each(self) -> None:
        """It sets the key that has taken its place."""
        for line, section, key, value in (
            (("--reasoning-effort", "xhigh"), "defaults", "reasoning_effort", "xhigh"),
            (("--reasoning-summary", "none"), "defaults", "reasoning_summary", "none"),
            (("--reasoning-compat", "o3"), "defaults", "reasoning_compat", "o3"),
            (("--debug-model", "m"), "defaults", "model", "m"),
            (("--fast-mode",), "defaults", "fast_mode", True),
            (("--no-fast-mode",), "defaults", "fast_mode", False),
            (("--enable-web-search",), "defaults", "web_search", True),
            (("--no-enable-web-search",), "defaults", "web_search", False),
            (("--expose-reasoning-models",), "models", "expose_efforts", True),
            (("--model-sync",), "models", "sync", True),
            (("--no-model-sync",), "models", "sync", False),
            (("--model-refresh-interval", "9.5"), "models", "refresh_interval_s", 9.5),
            (("--verbose",), "server", "log_requests", True),
            (("--verbose-obfuscation",), "server", "log_requests", True),
        ):
            with case(line=line):
                section_of = getattr(self.settings(*line), section)
                self.assertEqual(getattr(section_of, key), value)

    def test_where_to_listen(self) -> None:
        """Each of the two has ChatMock's default when the other is given."""
        for line, listen in (
            (("--port", "9000"), "tcp:9000:interface=127.0.0.1"),
            (("--host", "localhost"), "tcp:8000:interface=localhost"),
            (("--host", "::1", "--port", "9"), r"tcp:9:interface=\:\:1"),
        ):
            with case(line=line):
                self.assertEqual(self.settings(*line).server.listen, listen)

    def test_set_wins(self) -> None:
        """It is the more exact word."""
        settings = self.settings("--set", "defaults.model=b", "--debug-model", "a")
        self.assertEqual(settings.defaults.model, "b")

    def test_a_port_that_cannot_be_had(self) -> None:
        """Status 13 when it is taken, 1 for any other reason; one line."""
        for number, status in ((errno.EADDRINUSE, 13), (errno.EACCES, 1)):

            def run(number: int = number) -> None:
                raise CannotListenError("127.0.0.1", 80, OSError(number, "no"))

            self.patch(twistd, "run", run)
            self.patch(sys, "argv", [])
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors):
                self.assertEqual(serve(["twistd"]), status)
            self.assertEqual(errors.getvalue().count("\n"), 1)
            self.assertIn("80", errors.getvalue())
