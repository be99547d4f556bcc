"""Which requests are plain, and which are left to the full parser."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.plain import Plain, read_plain
from tests.core.cases import case

HOST = (b"Host", b"localhost")


def post(*lines: bytes, body: bytes = b"{}", start: bytes = b"/v1/responses") -> bytes:
    """A request with these header lines."""
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\n" % start
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


class PlainTests(SynchronousTestCase):
    """What clients send nearly always."""

    def test_a_post(self) -> None:
        """Its target, its headers in their order, and where its body is."""
        data = post(b"content-LENGTH:\t 2 ", b"X-Y:", b"a: b: c", start=b"/v1/x?a=b%20")
        self.assertEqual(
            read_plain(data),
            Plain(
                b"/v1/x?a=b%20",
                [HOST, (b"content-LENGTH", b"2"), (b"X-Y", b""), (b"a", b"b: c")],
                2,
                len(data) - 2,
            ),
        )

    def test_whatever_stands_behind_it(self) -> None:
        """Nothing yet, a part of the body, or another request."""
        data = post(b"Content-Length: 2", body=b"")
        plain = read_plain(data)
        assert plain is not None
        self.assertEqual((plain.length, plain.end), (2, len(data)))
        for behind in (b"{", b"{}", data, b"\r\n"):
            with case(behind=behind):
                self.assertEqual(read_plain(data + behind), plain)


class OtherTests(SynchronousTestCase):
    """What is handed on."""

    def test_not_whole(self) -> None:
        """Each beginning of a head."""
        data = post(b"Content-Length: 2", body=b"")
        for end in range(len(data)):
            self.assertIsNone(read_plain(data[:end]), data[:end])

    def test_what_changes_the_body(self) -> None:
        """Two programs might disagree about where it ends."""
        length = b"Content-Length: 2"
        for lines in (
            [],
            [length, length],
            [length, b"content-length: 3"],
            [b"Content-Length: 2, 2"],
            [b"Content-Length: +2"],
            [b"Content-Length: 0x2"],
            [b"Content-Length: "],
            [b"Content-Length: 0000000000002"],
            [b"Content-Length: \xb2"],
            [length, b"Transfer-Encoding: chunked"],
            [length, b"transfer-encoding: identity"],
            [length, b"Expect: 100-continue"],
            [length, b"Upgrade: websocket"],
        ):
            with case(lines=lines):
                self.assertIsNone(read_plain(post(*lines)))

    def test_what_is_not_quite_http(self) -> None:
        """The full parser knows what is to be said of it."""
        good = post(b"Content-Length: 2")
        for old, new in (
            (b"POST ", b"post "),
            (b"POST ", b"GET "),
            (b"POST ", b" POST "),
            (b"POST ", b"\r\nPOST "),
            (b" HTTP/1.1", b" HTTP/1.0"),
            (b" HTTP/1.1", b"  HTTP/1.1"),
            (b" HTTP/1.1", b""),
            (b" /v1", b"  /v1"),
            (b" /v1", b" http://localhost/v1"),
            (b" /v1", b" /v1 /v2"),
            (b" /v1", b" /\xff"),
            (b"Host:", b"Host :"),
            (b"Host:", b" Host:"),
            (b"Host:", b"H\xf6st:"),
            (b"Host:", b":"),
            (b"Host: localhost", b"Host"),
            (b"localhost", b"local\x00host"),
            (b"localhost", b"local\x7fhost"),
            (b"localhost", b"local\rhost"),
            (b"localhost", b"local\nhost"),
            (b"localhost\r\n", b"localhost\n"),
            (b"localhost\r\n", b"localhost\r\n folded\r\n"),
            (b"localhost\r\n", b"localhost\r\n\tfolded\r\n"),
        ):
            with case(old=old, new=new):
                self.assertIsNotNone(read_plain(good))
                self.assertIsNone(read_plain(good.replace(old, new, 1)))

    def test_a_large_head(self) -> None:
        """One that nobody sends to ask for a turn."""
        for size, plain in ((8000, True), (8192, False)):
            data = post(b"Content-Length: 2", b"X: " + b"x" * size)
            self.assertEqual(read_plain(data) is not None, plain, size)

    def test_many_lines(self) -> None:
        """As many as the full parser takes are plain, and not one more."""
        for lines, plain in ((498, True), (499, False)):
            data = post(b"Content-Length: 2", *[b"a:"] * lines)
            self.assertEqual(read_plain(data) is not None, plain, lines)
