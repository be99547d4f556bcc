"""Which source of settings wins, what its text becomes, and which file is read."""

from __future__ import annotations

from pathlib import Path

from chatmockd.config import find_file
from chatmockd.core.profile import CHATGPT, OPENAI
from chatmockd.settings import Settings
from tests.configured import ConfigCase
from tests.core.cases import case


class PrecedenceTests(ConfigCase):
    """Defaults, then the file, then the environment, then C{--set}."""

    text = "[server]\ndrain_s = 1\n[continuity]\nmax_retained = 5\n"

    def test_defaults(self) -> None:
        """Nothing has to be configured."""
        settings = self.load()
        self.assertEqual(settings, Settings())
        self.assertEqual(settings.server.descriptions(), [settings.server.listen])
        self.assertFalse(settings.server.allow_remote)

    def test_each_wins_over_the_one_before(self) -> None:
        """Key by key: what a later source does not name stays."""
        name = "CHATMOCKD_SERVER__DRAIN_S"
        for sets, environ, drain_s in (
            ((), {}, 1),
            ((), {name: "2"}, 2),
            (("server.drain_s=3",), {name: "2"}, 3),
            (("server.drain_s=3", "server.drain_s=4"), {name: "2"}, 4),
        ):
            with case(sets=sets, environ=environ):
                settings = self.load(self.text, *sets, **environ)
                self.assertEqual(settings.server.drain_s, drain_s)
                self.assertEqual(settings.continuity.max_retained, 5)
                self.assertEqual(settings.upstream, Settings().upstream)

    def test_frozen(self) -> None:
        """Settings do not change while the daemon runs."""
        settings = self.load()
        self.assertRaises(AttributeError, setattr, settings.server, "drain_s", 1)

    def test_where_upstream_is(self) -> None:
        """The profile's address, unless another one is named."""
        for sets, url in (
            ((), CHATGPT.url),
            (("upstream.profile=openai",), OPENAI.url),
            (("upstream.url=ws://127.0.0.1:9/x",), "ws://127.0.0.1:9/x"),
        ):
            with case(sets=sets):
                self.assertEqual(self.load(None, *sets).upstream_url, url)


class TextTests(ConfigCase):
    """What the environment and C{--set} say becomes what the key wants."""

    def test_values(self) -> None:
        """Numbers, truths, lists and texts."""
        for key, text, value in (
            ("server.max_body_bytes", "1024", 1024),
            ("server.allowed_origins", "null", ["null"]),
            ("server.drain_s", "0.5", 0.5),
            ("server.drain_s", "7", 7.0),
            ("server.allow_remote", "true", True),
            ("server.allow_remote", "YES", True),
            ("server.allow_remote", "0", False),
            ("server.allowed_hosts", "a.lan, b.lan,", ["a.lan", "b.lan"]),
            ("server.allowed_hosts", '["a.lan"]', ["a.lan"]),
            ("server.allowed_hosts", "", []),
            ("server.listen", "tcp:1:interface=127.0.0.1", "tcp:1:interface=127.0.0.1"),
            ("server.listen", '["unix:/a", "unix:/b"]', ["unix:/a", "unix:/b"]),
            ("upstream.profile", "openai", "openai"),
            ("upstream.api_key_file", "a=b", "a=b"),
            ("continuity.mode", "off", "off"),
            ("compat.backfill_output", "missing", "missing"),
        ):
            section, _, name = key.partition(".")
            environ = {f"CHATMOCKD_{section}__{name}".upper(): text}
            for settings in (
                self.load(None, f"{key}={text}"),
                self.load(**environ),
            ):
                with case(key=key, text=text):
                    found = getattr(getattr(settings, section), name)
                    self.assertEqual(found, value)
                    self.assertIs(type(found), type(value))

    def test_other_variables(self) -> None:
        """Only the pattern is ours; C{CHATMOCKD_CONFIG} names a file."""
        environ = {"CHATMOCKD_CONFIG": "/x", "CHATMOCKD": "1", "PATH": "a__b"}
        self.assertEqual(self.load(**environ), Settings())


class FindFileTests(ConfigCase):
    """The file that is read when none is named on the command line."""

    def test_order(self) -> None:
        """The variable, then the home; the system's only when there is nothing."""
        in_home = self.folder / ".config" / "chatmockd" / "chatmockd.toml"
        system = Path("/etc/chatmockd/chatmockd.toml")
        named = {"CHATMOCKD_CONFIG": "/somewhere/else.toml"}
        self.assertEqual(
            find_file({}, self.folder), system if system.is_file() else None
        )
        in_home.parent.mkdir(parents=True)
        in_home.touch()
        self.assertEqual(find_file({}, self.folder), in_home)
        self.assertEqual(find_file({"CHATMOCKD_CONFIG": ""}, self.folder), in_home)
        self.assertEqual(find_file(named, self.folder), Path("/somewhere/else.toml"))
        at_home = {"CHATMOCKD_CONFIG": "~/mine.toml"}
        self.assertEqual(find_file(at_home, self.folder), self.folder / "mine.toml")

    def test_a_folder_of_that_name(self) -> None:
        """Is no file."""
        in_home = self.folder / ".config" / "chatmockd" / "chatmockd.toml"
        in_home.mkdir(parents=True)
        self.assertNotEqual(find_file({}, self.folder), in_home)
