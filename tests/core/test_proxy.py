"""Which way a call goes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.proxy import Proxies, Proxy, ProxyUnusable, proxy_of
from tests.core.cases import case


def way(
    environ: dict[str, str],
    host: str = "api.test",
    port: int = 443,
    secure: bool = True,
) -> str | None:
    """The proxy for a host, as host and port."""
    proxy = Proxies(environ).way_to(host, port, secure=secure)
    return None if proxy is None else str(proxy)


class WayTests(SynchronousTestCase):
    """The environment decides."""

    def test_each_kind_has_its_variable(self) -> None:
        """In either case of letters, the lower one first; empty ones are none."""
        for environ, secure, plain in (
            ({}, None, None),
            ({"HTTPS_PROXY": "http://p:1"}, "p:1", None),
            ({"https_proxy": "http://p:1"}, "p:1", None),
            ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, "q:2", None),
            ({"HTTPS_PROXY": "http://p:1", "https_proxy": ""}, "p:1", None),
            ({"HTTP_PROXY": "http://p:1"}, None, "p:1"),
            ({"ALL_PROXY": "http://p:1"}, "p:1", "p:1"),
            ({"all_proxy": "p:1"}, "p:1", "p:1"),
            ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "q:2"}, "q:2", "p:1"),
            ({"HTTPS_PROXY": "  "}, None, None),
        ):
            with case(environ=environ):
                self.assertEqual(way(environ), secure)
                self.assertEqual(way(environ, port=80, secure=False), plain)

    def test_loopback_is_never_proxied(self) -> None:
        """The proxy would find itself there."""
        environ = {"ALL_PROXY": "http://p:1"}
        for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1", "LOCALHOST"):
            with case(host=host):
                self.assertIsNone(way(environ, host))

    def test_exceptions(self) -> None:
        """Hosts, domains, ports, networks, and everything."""
        for listed, host, port, straight in (
            ("*", "api.test", 443, True),
            ("api.test", "api.test", 443, True),
            ("api.test", "API.test.", 443, True),
            ("api.test", "other.test", 443, False),
            ("test", "api.test", 443, True),
            (".test", "api.test", 443, True),
            ("*.test", "api.test", 443, True),
            (".api.test", "api.test", 443, True),
            ("pi.test", "api.test", 443, False),
            ("api.test:443", "api.test", 443, True),
            ("api.test:8443", "api.test", 443, False),
            ("a.test, b.test", "b.test", 443, True),
            ("a.test b.test", "b.test", 443, True),
            ("10.0.0.0/8", "10.1.2.3", 443, True),
            ("10.0.0.0/8", "11.1.2.3", 443, False),
            ("10.0.0.0/8", "ten.test", 443, False),
            ("10.1.2.3", "10.1.2.3", 443, True),
            ("fd00::/8", "fd00::7", 443, True),
            ("fd00::7", "fd00:0::7", 443, True),
            ("[fd00::7]:443", "fd00::7", 443, True),
            ("[fd00::7]:1", "fd00::7", 443, False),
            ("10.0.0.0/99,,.", "10.1.2.3", 443, False),
        ):
            with case(listed=listed, host=host):
                for name in ("NO_PROXY", "no_proxy"):
                    found = way({"HTTPS_PROXY": "http://p:1", name: listed}, host, port)
                    self.assertEqual(found, None if straight else "p:1")


class UrlTests(SynchronousTestCase):
    """What a proxy's URL may be."""

    def test_its_parts(self) -> None:
        """Scheme and port have defaults."""
        for url, proxy in (
            ("http://p.test:3128", Proxy("p.test", 3128)),
            ("http://p.test/", Proxy("p.test", 80)),
            ("p.test:3128", Proxy("p.test", 3128)),
            ("HTTPS://p.test", Proxy("p.test", 443, secure=True)),
            ("http://[fd00::1]:8080", Proxy("fd00::1", 8080)),
            ("http://Aladdin:open%20sesame@p", Proxy("p", 80, authorization="")),
        ):
            with case(url=url):
                found = proxy_of(url, "HTTPS_PROXY")
                if proxy.authorization == "":
                    wanted = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
                    self.assertEqual(found.authorization, wanted)
                else:
                    self.assertEqual(found, proxy)

    def test_unusable_ones_name_their_variable_and_no_secret(self) -> None:
        """Also that of a kind which is not supported."""
        for url in (
            "socks5://user:canary@p:1",
            "socks5h://user:canary@p:1",
            "http://user:canary@",
            "http://user:canary@p:0",
            "http://user:canary@p:99999",
            "http://user:canary@p:x",
            "http://user:canary@[p",
            "http://user:can ary@p",
            "canary\r\n://p",
        ):
            with case(url=url):
                with self.assertRaises(ProxyUnusable) as caught:
                    proxy_of(url, "ALL_PROXY")
                self.assertIn("ALL_PROXY", str(caught.exception))
                self.assertNotIn("canary", str(caught.exception))
        with self.assertRaisesRegex(ProxyUnusable, "socks5.* http:// and https://"):
            proxy_of("socks5://p:1", "ALL_PROXY")

    def test_credentials_are_not_shown(self) -> None:
        """Wherever a proxy is printed."""
        proxy = proxy_of("http://user:canary@p:1", "HTTPS_PROXY")
        assert proxy.authorization is not None
        for shown in (str(proxy), repr(proxy)):
            self.assertNotIn(proxy.authorization.partition(" ")[2], shown)
            self.assertNotIn("canary", shown)
