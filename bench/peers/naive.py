"""A plain bridge on the daemon's own stack, written the way the libraries suggest.

Klein takes the request, an Autobahn client protocol carries it, C{onMessage} parses
each event with C{json} and each event is written to the client by itself. A follow-up
goes over the socket that holds its C{previous_response_id}. It is meant to be honest:
nothing in it is slow on purpose, and nothing is tuned.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    connectWS,
)
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.ssl import optionsForClientTLS
from twisted.python import log
from twisted.web.server import Request, Site

from bench.loopback import HOST, listen, run

TERMINAL = {"response.completed", "response.incomplete", "response.failed", "error"}


class UpstreamLost(Exception):
    """The upstream socket closed in the middle of a turn."""


class Turn:
    """One request: writes events to a streaming client and keeps the last one."""

    def __init__(self, request: Request, stream: bool) -> None:
        self._request = request
        self._stream = stream
        self.ended: Deferred[dict[str, Any]] = Deferred()

    def receive(self, event: dict[str, Any]) -> None:
        if self._stream:
            text = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            self._request.write(text.encode())
        if event["type"] in TERMINAL:
            self.ended.callback(event)


class UpstreamSocket(WebSocketClientProtocol):
    """One WebSocket to the upstream, used by one turn at a time."""

    factory: UpstreamFactory
    turn: Turn | None = None

    def onOpen(self) -> None:
        self.factory.opened.callback(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.turn is not None:
            self.turn.receive(json.loads(payload))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if not self.factory.opened.called:
            self.factory.opened.errback(UpstreamLost(reason))
        elif self.turn is not None:
            self.turn.ended.errback(UpstreamLost(reason))


class UpstreamFactory(WebSocketClientFactory):
    """Makes one socket, and says when it is open."""

    noisy = False

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.protocol = UpstreamSocket
        self.opened: Deferred[UpstreamSocket] = Deferred()


class Bridge:
    """C{POST /v1/responses}, over sockets kept by the response they hold."""

    app = Klein()

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: dict[str, UpstreamSocket] = {}

    def _connect(self) -> Deferred[UpstreamSocket]:
        factory = UpstreamFactory(self._url)
        tls = optionsForClientTLS(HOST) if factory.isSecure else None
        connectWS(factory, contextFactory=tls)
        return factory.opened

    def _answer(self, request: Request, status: int, answer: dict[str, Any]) -> bytes:
        request.setResponseCode(status)
        request.setHeader("content-type", "application/json")
        return json.dumps(answer).encode()

    @app.route("/v1/responses", methods=["POST"])
    async def responses(self, request: Request) -> bytes:
        assert request.content is not None
        body = json.loads(request.content.read())
        stream = body.pop("stream", False)
        marker = body.get("previous_response_id")
        if marker is None:
            socket = await self._connect()
        elif marker in self._kept:
            socket = self._kept.pop(marker)
        else:
            error = {"code": "previous_response_not_found", "message": marker}
            return self._answer(request, 400, {"error": error})
        if stream:
            request.setHeader("content-type", "text/event-stream; charset=utf-8")
        turn = socket.turn = Turn(request, stream)
        message = {"type": "response.create", **body}
        socket.sendMessage(json.dumps(message).encode())
        event = await turn.ended
        socket.turn = None
        if event["type"] != "response.completed":
            socket.sendClose()
            return b"" if stream else self._answer(request, 502, event)
        self._kept[event["response"]["id"]] = socket
        return b"" if stream else self._answer(request, 200, event["response"])


def main() -> None:
    """Serve on one loopback port."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--upstream", required=True)
    chosen = options.parse_args()
    log.startLogging(sys.stdout)
    site = Site(Bridge(chosen.upstream).app.resource())
    listen(site, chosen.port)
    run()


if __name__ == "__main__":
    main()
