"""Asks an HTTP proxy for a way through (C{CONNECT}), and hands that over."""

from __future__ import annotations

from http import HTTPStatus

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IProtocol, IProtocolFactory

from chatmockd.core.proxy import Proxy
from chatmockd.handover import Stage
from chatmockd.printable import printable

_MAX_HEAD = 16_384  # bytes of the proxy's answer


class TunnelFailed(ConnectError):
    """The proxy gives no way through; the message says why."""


class TunnelStage(Stage):
    """The conversation with one proxy."""

    def __init__(
        self,
        users: IProtocolFactory,
        done: Deferred[IProtocol],
        proxy: Proxy,
        host: str,
        port: int,
    ) -> None:
        super().__init__(users, done)
        self._proxy = proxy
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._head = b""

    def connectionMade(self) -> None:
        lines = [f"CONNECT {self._target} HTTP/1.1", f"Host: {self._target}"]
        if self._proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {self._proxy.authorization}")
        assert self.transport is not None
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii"))

    def received(self, data: bytes) -> None:
        """Read the answer up to its end; what follows is not the proxy's."""
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if len(head) > _MAX_HEAD:
            self._refuse(f"its answer has more than {_MAX_HEAD} bytes of headers")
        elif not head.startswith(b"HTTP/1."[: len(head)]):
            self._refuse("it does not speak HTTP")
        elif end:
            status = _status(head)
            if status is None:
                self._refuse("its answer is not HTTP")
            elif 200 <= status < 300:
                self.hand_over(rest)
            else:
                self._refuse(self._reason(status))

    def expired(self, seconds: float) -> BaseException:
        return self._failed(f"no answer within {seconds:g} s")

    def undone(self, reason: BaseException) -> BaseException:
        if isinstance(reason, VerificationError):
            return self._failed("its certificate is for another host name")
        if isinstance(reason, SSL.Error):
            return self._failed("TLS with it failed")
        if isinstance(reason, ConnectionClosed):
            return self._failed("it closed the connection without an answer")
        return self._failed(str(reason).rstrip(".") or type(reason).__name__)

    def _reason(self, status: int) -> str:
        if status == 407:
            if self._proxy.authorization is None:
                return "it wants user name and password (407), which its URL has not"
            return "it does not take the user name and password in its URL (407)"
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "no known status"
        return f"it refused to connect to {self._target} ({status} {phrase})"

    def _refuse(self, why: str) -> None:
        self.give_up(self._failed(why))

    def _failed(self, why: str) -> TunnelFailed:
        return TunnelFailed(string=printable(f"{self._proxy}: {why}"))


def _status(head: bytes) -> int | None:
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or len(words[1]) != 3 or not words[1].isdigit():
        return None
    return int(words[1])
