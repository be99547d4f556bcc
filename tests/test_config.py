"""From file, environment and command line to settings, or to one readable line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.config import ConfigError, find_file, load
from chatmockd.core.profile import CHATGPT, OPENAI
from chatmockd.settings import Settings
from tests.core.cases import case

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "etc" / "chatmockd.toml"

CHATMOCK = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM"
STATEFUL = f"{CHATMOCK}_STATEFUL"


class ConfigCase(SynchronousTestCase):
    """A folder for files."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "chatmockd.toml"

    def load(
        self, text: str | bytes | None = None, *sets: str, **environ: str
    ) -> Settings:
        """The settings from a file with this text, and from these others."""
        if text is None:
            return load(None, environ, sets)
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(self.file, environ, sets)

    def complaint(
        self, text: str | bytes | None = None, *sets: str, **environ: str
    ) -> str:
        """What is said about these, in one line."""
        error = self.assertRaises(ConfigError, self.load, text, *sets, **environ)
        words = str(error)
        self.assertEqual(words.splitlines(), [words])
        return words


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

    def test_chatmock_names_give_way(self) -> None:
        """Our own variables are meant for us, and win."""
        environ = {STATEFUL: "true", "CHATMOCKD_CONTINUITY__MODE": "off"}
        self.assertEqual(self.load(**environ).continuity.mode, "off")
        settings = self.load('[continuity]\nmode = "off"', **{STATEFUL: "true"})
        self.assertEqual(settings.continuity.mode, "retained")

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


class ChatMockTests(ConfigCase):
    """The names that people bring along from ChatMock."""

    def test_what_they_mean(self) -> None:
        """One says how turns travel; the other says what is kept."""
        for environ, transport, mode in (
            ({CHATMOCK: "true"}, "websocket", "durable"),
            ({CHATMOCK: "1", STATEFUL: "on"}, "websocket", "retained"),
            ({STATEFUL: "true"}, "websocket", "retained"),
            ({STATEFUL: "False"}, "websocket", "off"),
            ({CHATMOCK: "true", STATEFUL: "no"}, "websocket", "off"),
            ({CHATMOCK: "", STATEFUL: " "}, "websocket", "durable"),
            ({CHATMOCK: "false"}, "http", "durable"),
            ({CHATMOCK: "0", STATEFUL: "0"}, "http", "off"),
        ):
            with case(environ=environ):
                settings = self.load(**environ)
                self.assertEqual(settings.upstream.transport, transport)
                self.assertEqual(settings.continuity.mode, mode)

    def test_the_others(self) -> None:
        """Each has a key of its own, and means the same there."""
        for name, text, section, key, value in (
            ("CLIENT_ID", "app_1", "account", "client_id", "app_1"),
            ("ISSUER", "http://[::1]:1", "account", "issuer", "http://[::1]:1"),
            ("LOGIN_BIND", "0.0.0.0", "account", "login_bind", "0.0.0.0"),
            ("DEBUG_MODEL", "gpt-5", "defaults", "model", "gpt-5"),
            ("ENABLE_WEB_SEARCH", "Yes", "defaults", "web_search", True),
            ("FAST_MODE", "1", "defaults", "fast_mode", True),
            ("REASONING_EFFORT", "XHigh", "defaults", "reasoning_effort", "xhigh"),
            ("REASONING_SUMMARY", "none", "defaults", "reasoning_summary", "none"),
            ("REASONING_COMPAT", "O3", "defaults", "reasoning_compat", "o3"),
            ("EXPOSE_REASONING_MODELS", "on", "models", "expose_efforts", True),
            ("MODEL_SYNC", "off", "models", "sync", False),
            ("MODEL_REFRESH_INTERVAL", "60", "models", "refresh_interval_s", 60.0),
        ):
            with case(name=name):
                settings = self.load(**{f"CHATGPT_LOCAL_{name}": text})
                self.assertEqual(getattr(getattr(settings, section), key), value)

    def test_contradictions(self) -> None:
        """What cannot be done is refused, with the names."""
        for environ, words in (
            (
                {CHATMOCK: "false", STATEFUL: "true"},
                (CHATMOCK, STATEFUL, "contradicts"),
            ),
            (
                {"CHATGPT_LOCAL_REASONING_EFFORT": "hard"},
                ("CHATGPT_LOCAL_REASONING_EFFORT: defaults.reasoning_effort", "low"),
            ),
            ({CHATMOCK: "maybe"}, (CHATMOCK, "true or false")),
            ({STATEFUL: "2"}, (STATEFUL, "true or false")),
        ):
            complaint = self.complaint(**environ)
            for word in words:
                with case(environ=environ):
                    self.assertIn(word, complaint)


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
                "[upstream]\ntransport = 'http'\n[continuity]\nmode = 'retained'",
                'continuity.mode: "retained" keeps conversations on WebSockets',
            ),
            (
                '[upstream]\nuser_agent = "a\\nb"',
                "upstream.user_agent: must be printable ASCII",
            ),
            ("[upstream]\noriginator = 'ä'", "upstream.originator: must be printable"),
            ("[account]\nissuer = 'auth.example'", "account.issuer: must look like"),
            (
                "[models]\nrefresh_interval_s = 0",
                "models.refresh_interval_s: must be at least 1",
            ),
            (
                "[defaults]\nreasoning_effort = 'hard'",
                'defaults.reasoning_effort: must be "" or "none" or "minimal" or',
            ),
            ("[store]\npath = ''", "store.path: must name a file, not ''"),
            ("[store]\npath = '~'", "store.path: must name a file, not '~'"),
            ("[store]\npath = '~me/x'", "store.path: '~me' is not looked up"),
            ('[store]\npath = "a\\u0000b"', "store.path: must be a path, without NUL"),
            (
                '[upstream]\napi_key_file = "\\u0000"',
                "upstream.api_key_file: must be a path, without NUL",
            ),
            ("[store]\nmax_bytes = 5", "store.max_bytes: must be at least 1048576 "),
            ("[account]\nclient_id = ''", "account.client_id: is empty"),
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
        shown = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertIn(f"--set continuity.mod=off\nchatmockd: {said}\n", shown)


class RangeTests(ConfigCase):
    """What the right type alone does not make right."""

    def test_numbers(self) -> None:
        """The least that makes sense is allowed, and less is not."""
        for key, least, less in (
            ("server.max_body_bytes", "1", "0"),
            ("server.drain_s", "0", "-0.5"),
            ("upstream.connect_timeout_s", "0.001", "0"),
            ("upstream.first_event_timeout_s", "0", "-1"),
            ("upstream.idle_timeout_s", "0", "-1"),
            ("upstream.ping_interval_s", "0", "-1"),
            ("upstream.max_age_s", "1", "0"),
            ("continuity.max_retained", "1", "0"),
            ("continuity.idle_ttl_s", "0", "-1"),
        ):
            with case(key=key):
                self.load(None, f"{key}={least}")
                complaint = self.complaint(None, f"{key}={less}")
                self.assertIn(f"{key}: must be at least {least} ", complaint)
                self.assertIn(f"not {less}", complaint)
        for value in ("nan", "inf", "1e300", "9" * 400):
            with case(value=value):
                complaint = self.complaint(None, f"server.drain_s={value}")
                self.assertIn("server.drain_s: must be", complaint)
                key = "continuity.max_retained"
                self.assertIn(f"{key}: must be", self.complaint(None, f"{key}={value}"))

    def test_the_file_is_named(self) -> None:
        """A range is as much the file's mistake as a type is."""
        complaint = self.complaint("[continuity]\nmax_retained = 0")
        self.assertTrue(
            complaint.startswith(f"{self.file}: continuity.max_retained: "), complaint
        )

    def test_urls(self) -> None:
        """A WebSocket address, with nothing in it that does not belong there."""
        for url in (
            "wss://api.example/v1/responses",
            "ws://127.0.0.1:8080",
            "ws://[::1]:8080/x?y=1",
            "wss://h",
        ):
            with case(url=url):
                settings = self.load(None, f"upstream.url={url}")
                self.assertEqual(settings.upstream_url, url)
        for url in (
            "https://api.example/v1/responses",
            "api.example",
            "wss:/h",
            "wss://",
            "wss:///path",
            "wss://:443/",
            "wss://user:secret@h/",
            "wss://h/#x",
            "wss://h/a b",
            "wss://h/\r\nEvil: 1",
            "wss://hé/",
            "wss://h:99999/",
            "wss://h:0/",
            "wss://h:port/",
            "wss://[::1/",
            " wss://h/",
        ):
            with case(url=url):
                complaint = self.complaint(None, f"upstream.url={url}")
                self.assertIn("upstream.url: must look like wss://", complaint)
                self.assertNotIn("secret", complaint)

    def test_hosts(self) -> None:
        """What a C{Host} header can have; else nobody would come in, silently."""
        for host in ("box.lan", "Box", "192.0.2.7", "fd00::7", "my_box", "box.lan."):
            with case(host=host):
                settings = self.load(None, f"server.allowed_hosts={host}")
                self.assertEqual(settings.server.allowed_hosts, [host])
        for host in (
            "box.lan:8000",
            "http://box.lan",
            "box.lan/",
            "*",
            "*.lan",
            "fd00::7]",
            "a b",
            "bücher.example",
        ):
            with case(host=host):
                complaint = self.complaint(None, f"server.allowed_hosts={host}")
                self.assertIn("server.allowed_hosts: must be host names", complaint)
                self.assertIn(repr(host), complaint)

    def test_origins(self) -> None:
        """What browsers send, letter by letter."""
        for origin in (
            "https://chat.example",
            "http://localhost:3000",
            "http://[::1]:3000",
            "app://obsidian.md",
            "chrome-extension://abcdef",
            "null",
        ):
            with case(origin=origin):
                settings = self.load(None, f"server.allowed_origins={origin}")
                self.assertEqual(settings.server.allowed_origins, [origin])
        for origin in (
            "*",
            "https://*.example",
            "https://chat.example/",
            "https://chat.example/app",
            "https://Chat.example",
            "HTTPS://chat.example",
            "chat.example",
            "https://",
            "https://me@chat.example",
        ):
            with case(origin=origin):
                complaint = self.complaint(None, f"server.allowed_origins={origin}")
                self.assertIn("server.allowed_origins: must be origins", complaint)
                self.assertIn(repr(origin), complaint)

    def test_nobody_is_let_in_by_accident(self) -> None:
        """Beyond loopback only with a word that says so."""
        open_, closed = "tcp:8000", "tcp:8000:interface=127.0.0.1"
        for listen in (f"'{open_}'", f"['{closed}', '{open_}']"):
            with case(listen=listen):
                text = f"[server]\nlisten = {listen}\n"
                complaint = self.complaint(text)
                self.assertIn(f"{self.file}: server.listen: '{open_}'", complaint)
                self.assertIn("server.allow_remote = true", complaint)
                settings = self.load(text + "allow_remote = true")
                self.assertIn(open_, settings.server.descriptions())

    def test_no_endpoint(self) -> None:
        """A server that listens nowhere is a mistake."""
        self.assertIn("names no endpoint", self.complaint("[server]\nlisten = []"))


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


class ExampleTests(SynchronousTestCase):
    """C{etc/chatmockd.toml} shows every key, with its default and its meaning."""

    def test_keys_and_defaults(self) -> None:
        """Nothing is missing, nothing is extra, and no default is another."""
        shown: dict[str, Any] = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
        defaults = msgspec.to_builtins(Settings())
        self.assertEqual(list(shown), list(defaults))
        for section in defaults:
            with case(section=section):
                self.assertEqual(shown[section], defaults[section])

    def test_it_starts_the_daemon_as_it_is(self) -> None:
        """With it, everything is as without it."""
        self.assertEqual(load(EXAMPLE, {}), Settings())

    def test_every_key_is_explained(self) -> None:
        """In a comment above it, or beside it."""
        previous = ""
        for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
            if re.match(r"\w+\s*=", line):
                value = line.partition("=")[2]
                beside = re.sub(r'"[^"]*"', "", value).partition("#")[2]
                with case(line=line):
                    self.assertTrue(previous.startswith("#") or beside.strip())
            previous = line.strip()
