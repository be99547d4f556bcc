"""Values that have the right type, and are refused all the same."""

from __future__ import annotations

from chatmockd.settings import Account, Continuity, Server, Settings, Store, Upstream
from chatmockd.settings_rules import complaints
from tests.configured import ConfigCase
from tests.core.cases import case


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

    def test_what_is_said(self) -> None:
        """The key, and what is allowed there, behind the name of the file."""
        for text, words in (
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
        ):
            with case(text=text):
                self.assertIn(f"{self.file}: {words}", self.complaint(text))

    def test_which_is_told(self) -> None:
        """The first: each rule has a say of its own, and none needs another's."""
        wrong = Settings(
            server=Server(
                max_body_bytes=0, allowed_hosts=["a b"], allowed_origins=["*"]
            ),
            upstream=Upstream(
                url="x", transport="http", originator="ä", api_key_file="\0"
            ),
            continuity=Continuity(mode="retained"),
            store=Store(path=""),
            account=Account(issuer="x", client_id=""),
        )
        self.assertEqual(
            [f"{section}.{key}" for section, key, _ in complaints(wrong)],
            [
                "server.max_body_bytes",
                "upstream.url",
                "continuity.mode",
                "upstream.originator",
                "account.issuer",
                "store.path",
                "upstream.api_key_file",
                "account.client_id",
                "server.allowed_hosts",
                "server.allowed_origins",
            ],
        )

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
