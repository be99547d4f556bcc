"""Settings that cannot be: one line that says where, which key, and what is allowed."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from chatmockd.config import ConfigError, load
from tests.configured import ConfigCase
from tests.core.cases import case

README = Path(__file__).parent.parent / "README.md"


class ComplaintTests(ConfigCase):
    """One line: where it stands, which key, what is allowed."""

    def test_in_the_file(self) -> None:
        """The line begins with the file."""
        for text, words in (
            ("[servers]", "servers: unknown section; allowed: server, upstream,"),
            ("listen = 1", "listen: unknown section; allowed: server, upstream,"),
            ("server = 1", "server: must be a table, [server]"),
            (
                "[server]\nport = 1",
                "server.port: unknown key; allowed in [server]: l",
            ),
            ("[server]\ndrain_s = 'x'", "server.drain_s: must be a number, not 'x'"),
            ("[server]\ndrain_s = true", "server.drain_s: must be a number, not True"),
            (
                "[server]\nmax_body_bytes = 1.5",
                "server.max_body_bytes: must be a whole number, not 1.5",
            ),
            (
                "[server]\nallow_remote = 1",
                "server.allow_remote: must be true or false, not 1",
            ),
            (
                "[server]\nallowed_hosts = 'x'",
                "server.allowed_hosts: must be a list of texts, not 'x'",
            ),
            (
                "[server]\nallowed_hosts = [1]",
                "server.allowed_hosts: must be a list of texts, not [1]",
            ),
            (
                "[server]\nlisten = 8000",
                "server.listen: must be an endpoint description or a list of them",
            ),
            ("[upstream]\nurl = 1", "upstream.url: must be text, not 1"),
            (
                "[upstream]\nprofile = 'azure'",
                'upstream.profile: must be "chatgpt" or "openai", not \'azure\'',
            ),
            (
                "[upstream]\ntransport = 'pigeon'",
                'upstream.transport: must be "websocket" or "http", not \'pigeon\'',
            ),
            (
                "[defaults]\nreasoning_effort = 'hard'",
                'defaults.reasoning_effort: must be "" or "none" or "minimal" or',
            ),
            (
                "[continuity]\nmode = 'for ever'",
                'continuity.mode: must be "durable" or "retained" or "off", not '
                "'for ever'",
            ),
            (
                "[compat]\nbackfill_output = true",
                'compat.backfill_output: must be "empty" or "missing", not True',
            ),
            ("[server", "is not valid TOML: "),
            ("[server]\ndrain_s = 1\ndrain_s = 2", "is not valid TOML: "),
            ("[server]\ndrain_s = " + "1" * 5_000, "is not valid TOML: "),
            ("[server]\nlisten = " + "[" * 100_000, "is not valid TOML: "),
            (b"[server]\nlisten = '\xff'", "is not UTF-8"),
            ('["a\\nb"]', "a b: unknown section"),
        ):
            with case(text=text[:60]):
                complaint = self.complaint(text)
                self.assertIn(f"{self.file}: {words}", complaint)

    def test_a_byte_order_mark(self) -> None:
        """Some editors write one, and say nothing of it."""
        text = "[server]\r\ndrain_s = 1\r\n".encode("utf-8-sig")
        self.assertEqual(self.load(text).server.drain_s, 1)

    def test_a_file_that_cannot_be_read(self) -> None:
        """The reason is the operating system's."""
        for path, words in (
            (self.folder / "nowhere.toml", "No such file or directory"),
            (self.folder, "Is a directory"),
        ):
            error = self.assertRaises(ConfigError, load, path, {})
            self.assertEqual(str(error), f"{path}: cannot be read: {words}")

    def test_in_the_environment_and_on_the_command_line(self) -> None:
        """The line begins with the variable or the option, not with the file."""
        for key, value, words in (
            ("server.drain_s", "soon", "must be a number, not 'soon'"),
            ("server.drain_s", "", "must be a number, not ''"),
            ("server.drain_s", "-1", "must be at least 0 "),
            ("server.max_body_bytes", "1.5", "must be a whole number, not '1.5'"),
            ("server.allow_remote", "perhaps", "must be true or false, not 'perhaps'"),
            ("server.allowed_hosts", "[a", "server.allowed_hosts: "),
            ("server.allowed_hosts", "[1]", "must be a list of texts, not [1]"),
            ("server.listen", "tcp:8000", "listens on all interfaces; allowed: "),
            ("server.port", "1", "unknown key; allowed in [server]: listen, "),
            ("servers.port", "1", "unknown section; allowed: server, upstream, "),
            ("upstream.url", "http://x/", "must look like wss://host[:port]/path"),
            (
                "continuity.mode",
                "on",
                'must be "durable" or "retained" or "off", not \'on\'',
            ),
        ):
            variable = "CHATMOCKD_" + key.replace(".", "__").upper()
            for source, complaint in (
                (f"--set {key}", self.complaint("", f"{key}={value}")),
                (variable, self.complaint("", **{variable: value})),
            ):
                with case(source=source):
                    self.assertTrue(complaint.startswith(f"{source}: "), complaint)
                    self.assertIn(key.partition(".")[0], complaint)
                    self.assertIn(words, complaint)
                    self.assertNotIn(str(self.file), complaint)

    def test_options_that_are_none(self) -> None:
        """What C{--set} wants to be like."""
        for word in (
            *("", "server", "server.drain_s", "drain_s=1"),
            *("server.=1", ".drain_s=1", "=1"),
        ):
            with case(word=word):
                complaint = self.complaint(None, word)
                self.assertEqual(
                    complaint, f"--set {word}: must look like section.key=value"
                )

    @given(st.text(max_size=40), st.text(max_size=20))
    @bounded(max_examples=150, deadline=None)
    def test_any_option(self, word: str, value: str) -> None:
        """Whatever is typed, there are settings or one line."""
        for option in (word, f"server.{word}={value}", f"server.listen={value}"):
            try:
                load(None, {}, [option])
            except ConfigError as problem:
                self.assertEqual(len(str(problem).splitlines()), 1)

    def test_the_one_in_the_readme(self) -> None:
        """What README shows of a mistake is what is said about it."""
        said = self.complaint(None, "continuity.mod=off")
        shown = README.read_text(encoding="utf-8")
        self.assertIn(f"--set continuity.mod=off\nchatmockd: {said}\n", shown)
