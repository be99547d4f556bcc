"""Who may come in, and who is turned away before anything is looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.admission import Admission, Head
from tests.core.cases import case

JSON = ["application/json"]
GOOD: dict[str, Any] = {
    "method": "POST",
    "target": "/v1/responses",
    "host": ["127.0.0.1:8000"],
    "content_type": JSON,
    "has_body": True,
}
FOREIGN_NAMES = (
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:127.0.0.1",
    "evil-localhost",
    "0.0.0.0",
    "192.168.0.2:8000",
    "[fe80::1]",
    "[::2]:8000",
    "127.1",
    "2130706433",
    "0x7f000001",
    "localhost@evil.example",
    "localhost, evil.example",
    "localhost/../evil",
    "::1",
    "",
    " ",
    ":8000",
    "localhost:80:80",
    "localhost:8000x",
    "localhost:-1",
    "[::1]evil.example",
    "[::1",
    "[::1]8000",
    "mybox.evil.example",
)


def head(**fields: Any) -> Head:
    """A head with these fields, given as text."""
    sent: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, str):
            sent[name] = value.encode("utf-8")
        elif isinstance(value, list):
            sent[name] = [one.encode("utf-8") for one in value]
        else:
            sent[name] = value
    return Head(**sent)


class AdmissionCase(SynchronousTestCase):
    """A server that knows one name and one page beside its own."""

    admission = Admission(["MyBox.lan."], ["https://chat.example"])

    def status(self, **changes: Any) -> int | None:
        """What a request gets that is good but for these; None when it comes in."""
        error = self.admission.check(head(**{**GOOD, **changes}))
        if error is None:
            return None
        self.assertTrue(str(error))
        return error.status

    def expect(self, status: int | None, *changes: dict[str, Any]) -> None:
        """Each of these requests gets this."""
        for change in changes:
            with case(**change):
                self.assertEqual(self.status(**change), status)


class HostTests(AdmissionCase):
    """A page that makes its own name point here is still foreign."""

    def test_our_names(self) -> None:
        """Loopback in all its forms, and what the operator listed."""
        self.expect(
            None,
            *(
                {"host": [host]}
                for host in (
                    "127.0.0.1",
                    "127.0.0.1:8000",
                    "127.8.9.10",
                    "localhost",
                    "LocalHost:80",
                    "localhost.",
                    "localhost:",
                    "[::1]",
                    "[::1]:8000",
                    "[0:0:0:0:0:0:0:1]:1",
                    "mybox.lan",
                    "MYBOX.LAN:8000",
                    "mybox.lan.",
                )
            ),
        )

    def test_other_names(self) -> None:
        """403, whatever it looks like."""
        self.expect(403, *({"host": [host]} for host in FOREIGN_NAMES))

    def test_not_one_name(self) -> None:
        """None or two are no request at all."""
        self.expect(
            400, {"host": []}, {"host": ["localhost"] * 2}, {"host": ["localhost", "x"]}
        )

    def test_whole_addresses(self) -> None:
        """A proxy's kind of target is refused, whoever it names."""
        self.expect(
            400,
            *(
                {"target": target}
                for target in (
                    "http://evil.example/v1/responses",
                    "http://127.0.0.1:8000/v1/responses",
                    "*",
                    "",
                    "v1/responses",
                )
            ),
        )

    def test_every_method_and_path(self) -> None:
        """No route is open to a foreign name."""
        self.expect(
            403,
            *(
                {"host": ["evil.example"], "method": method, "target": target}
                for method in ("GET", "POST", "OPTIONS", "HEAD", "DELETE")
                for target in ("/health", "/v1/responses", "/nowhere")
            ),
        )

    @given(st.text(max_size=30))
    @settings(max_examples=100, deadline=None)
    def test_any_name(self, host: str) -> None:
        """Nothing that a client puts there does more than get it refused."""
        self.assertIn(self.status(host=[host]), (None, 400, 403))


class OriginTests(AdmissionCase):
    """Pages that a user visits may not use what runs on his machine."""

    def test_foreign_pages(self) -> None:
        """403 for any page that is not listed, to the letter."""
        self.expect(
            403,
            *(
                {"origin": [origin]}
                for origin in (
                    "https://evil.example",
                    "null",
                    "",
                    "http://127.0.0.1:8000",
                    "http://localhost",
                    "https://chat.example.evil.example",
                    "https://chat.example/",
                    "https://chat.example:443",
                    "http://chat.example",
                )
            ),
            {"origin": ["https://chat.example", "https://evil.example"]},
            {"origin": ["https://chat.example"] * 2},
        )

    def test_whatever_they_send(self) -> None:
        """Content types, preflights and plain reading do not help them."""
        page = {"origin": ["https://evil.example"]}
        self.expect(
            403,
            {**page, "content_type": ["text/plain"]},
            {**page, "content_type": ["application/x-www-form-urlencoded"]},
            {**page, "content_type": []},
            {**page, "content_type": [], "target": "/api/chat"},
            {"content_type": [], "target": "/api/chat", "fetch_site": ["cross-site"]},
            {"content_type": [], "target": "/api/chat", "host": ["evil.example"]},
            {**page, "method": "OPTIONS", "content_type": [], "has_body": False},
            {**page, "method": "GET", "content_type": [], "has_body": False},
        )

    def test_known_pages(self) -> None:
        """The listed one may, cross-site as it is."""
        page = {"origin": ["https://chat.example"]}
        self.expect(None, page, {**page, "fetch_site": ["cross-site"]})
        self.assertTrue(self.admission.allows_origin([b"https://chat.example"]))
        self.assertFalse(self.admission.allows_origin([]))
        self.assertFalse(self.admission.allows_origin([b"https://chat.example"] * 2))

    def test_no_page_is_known_unless_listed(self) -> None:
        """That is how it comes."""
        error = Admission([], []).check(head(**{**GOOD, "origin": ["null"]}))
        assert error is not None
        self.assertEqual(error.status, 403)

    def test_without_an_origin(self) -> None:
        """Images, scripts and forms of a page send no origin, but tell their site."""
        read = {"method": "GET", "content_type": [], "has_body": False}
        for site, status in (
            ("cross-site", 403),
            ("same-site", 403),
            ("same-origin", None),
            ("none", None),
        ):
            self.expect(status, {"fetch_site": [site]}, {**read, "fetch_site": [site]})
        self.expect(403, {"fetch_site": ["none", "cross-site"]})


class BodyTests(AdmissionCase):
    """A body is JSON, and says so."""

    def test_json(self) -> None:
        """With and without saying that it is UTF-8."""
        self.expect(
            None,
            *(
                {"content_type": [kind]}
                for kind in (
                    "application/json",
                    "Application/JSON",
                    " application/json ",
                    "application/json; charset=utf-8",
                    'application/json;charset="UTF-8"',
                    "application/json; charset=utf8; x=y",
                    "application/json;",
                )
            ),
        )

    def test_anything_else(self) -> None:
        """415, above all for what a form can send without asking first."""
        self.expect(
            415,
            {"content_type": []},
            {"content_type": JSON * 2},
            {"content_type": [*JSON, "text/plain"]},
            *(
                {"content_type": [kind]}
                for kind in (
                    "",
                    "text/plain",
                    "application/x-www-form-urlencoded",
                    "multipart/form-data; boundary=x",
                    "text/plain; application/json",
                    "application/jsonp",
                    "application/vnd.api+json",
                    "text/json",
                    "application/json; charset=latin-1",
                    "application/json, text/plain",
                )
            ),
        )

    def test_none_at_all(self) -> None:
        """Programs that speak to Ollama may leave it out, but not say another."""
        bare: dict[str, Any] = {"content_type": []}
        self.expect(None, {**bare, "target": "/api/chat"})
        self.expect(
            415,
            {**bare, "target": "/api"},
            {**bare, "target": "/v1/api/chat"},
            {**bare, "target": "/%61pi/chat"},
            {"target": "/api/chat", "content_type": [""]},
            {"target": "/api/chat", "content_type": ["text/plain"]},
            {
                "target": "/api/chat",
                "content_type": ["application/x-www-form-urlencoded"],
            },
            {"target": "/api/chat", "content_type": JSON * 2},
            {**bare, "target": "/api/chat", "content_encoding": ["br"]},
        )

    def test_encodings(self) -> None:
        """One that is known, at most."""
        for encodings, status in (
            ([], None),
            (["identity"], None),
            (["Identity "], None),
            ([""], None),
            (["gzip"], None),
            (["X-GZIP "], None),
            (["zstd"], None),
            (["deflate"], None),
            (["br"], 415),
            (["gzip", "zstd"], 415),
            (["gzip, zstd"], 415),
            (["identity", "gzip"], 415),
            (["identity, gzip"], 415),
            (["made-up"], 415),
        ):
            self.expect(status, {"content_encoding": encodings})

    def test_without_a_body(self) -> None:
        """Nothing needs no content type; an empty form has one all the same."""
        bare: dict[str, Any] = {"content_type": [], "has_body": False}
        for method in ("GET", "DELETE", "POST"):
            self.expect(None, {**bare, "method": method})
        form = ["application/x-www-form-urlencoded"]
        self.expect(415, {**bare, "method": "POST", "content_type": form})
        self.expect(415, {**bare, "method": "GET", "has_body": True})
