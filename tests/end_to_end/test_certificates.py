"""
Which certificates of the upstream's the daemon believes.

These tests need the real reactor, so pytest-twisted runs them: whether a certificate is
believed is OpenSSL's to say, with the trust store of the system.
"""

from __future__ import annotations

import json

import pytest
import pytest_twisted
import trustme

from tests.end_to_end.client import events_in, text_of
from tests.end_to_end.world import CANARY, World, assert_unreachable

ELSEWHERE = "elsewhere.example"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest_twisted.ensureDeferred
async def test_a_believed_certificate(
    world: World, authority: trustme.CA, host: str
) -> None:
    """With a good certificate a conversation goes over one encrypted connection."""
    port, _ = await world.listen(authority.issue_cert(host))
    world.serve(f"wss://{host}:{port}/v1/responses")
    status, body = await world.post("Remember the token ALPHA-42.")
    assert status == 200, body
    status, body = await world.post(
        "What token did I ask you to remember?",
        previous_response_id=json.loads(body)["id"],
    )
    assert status == 200, body
    assert "ALPHA-42" in text_of(json.loads(body))
    assert world.simulator.opened == 1
    for seen in world.simulator.seen:
        assert seen.headers["authorization"] == f"Bearer {CANARY}"


@pytest_twisted.ensureDeferred
async def test_a_long_stream_over_tls(world: World, authority: trustme.CA) -> None:
    """Large events come through TLS as they are."""
    port, _ = await world.listen(authority.issue_cert("localhost"))
    world.serve(f"wss://localhost:{port}/v1/responses")
    text = "[[simulate: event_bytes=300000]] Say hello."
    status, body = await world.post(text, stream=True)
    events = events_in(body)
    assert status == 200
    assert events[-1]["type"] == "response.completed"
    assert len(text_of(events[-1]["response"])) > 300_000


@pytest.mark.parametrize("stream", [False, True])
@pytest_twisted.ensureDeferred
async def test_an_authority_that_nobody_knows(
    world: World, authority: trustme.CA, stream: bool
) -> None:
    """A certificate of another authority: 502, and my key was not sent."""
    port, listener = await world.listen(trustme.CA().issue_cert("localhost"))
    world.serve(f"wss://localhost:{port}/v1/responses")
    status, body = await world.post("Hello?", stream=stream)
    assert_unreachable(status, body, "TLS", "certificate")
    assert listener.met > 0
    assert listener.heard == b""
    assert world.simulator.opened == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest_twisted.ensureDeferred
async def test_a_certificate_for_somebody_else(
    world: World, authority: trustme.CA, host: str
) -> None:
    """A good certificate with another name in it: 502, and my key was not sent."""
    port, listener = await world.listen(authority.issue_cert(ELSEWHERE))
    world.serve(f"wss://{host}:{port}/v1/responses")
    status, body = await world.post("Hello?")
    assert_unreachable(status, body, "TLS", "another host name")
    assert listener.met > 0
    assert listener.heard == b""
    assert world.simulator.opened == 0


@pytest_twisted.ensureDeferred
async def test_tls_towards_a_plain_port(world: World, authority: trustme.CA) -> None:
    """The port does not speak TLS: 502, and nothing was sent in the clear."""
    port, listener = await world.listen()
    world.serve(
        f"wss://localhost:{port}/v1/responses", "upstream.connect_timeout_s=0.3"
    )
    status, body = await world.post("Hello?")
    assert_unreachable(status, body, "TLS")
    assert CANARY.encode() not in listener.heard
    assert world.simulator.opened == 0
