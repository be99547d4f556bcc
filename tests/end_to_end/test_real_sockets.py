"""
The daemon's service in this process, on real sockets towards both sides.

These tests need the real reactor, so pytest-twisted runs them: a refused port is the
kernel's to say.
"""

from __future__ import annotations

import json
import socket

import pytest
import pytest_twisted

from chatmockd.simulator.faults import Faults
from tests.end_to_end.world import World, assert_unreachable

# Ports.


@pytest.mark.parametrize("stream", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_refused_port(world: World, stream: bool) -> None:
    """Nobody listens upstream: 502 with the phase and the cause, streamed or not."""
    with socket.socket() as taken:
        # Bound, so that nobody else gets it, and not listening.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        world.serve(f"ws://127.0.0.1:{port}/v1/responses")
        status, body = await world.post("Hello?", stream=stream)
    assert_unreachable(status, body, f"127.0.0.1:{port}", "connect", "refused")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest_twisted.ensureDeferred
async def test_a_port_that_says_nothing(world: World, scheme: str) -> None:
    """Somebody listens and never answers: 502 after the connect timeout."""
    port, listener = await world.listen(mute=True)
    world.serve(
        f"{scheme}://127.0.0.1:{port}/v1/responses", "upstream.connect_timeout_s=0.2"
    )
    status, body = await world.post("Hello?")
    assert_unreachable(
        status, body, "TLS" if scheme == "wss" else "WebSocket upgrade", "0.2 s"
    )
    assert listener.met == 1


@pytest_twisted.ensureDeferred
async def test_it_comes_back(world: World) -> None:
    """An upstream that refused to talk is asked again for the next turn."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses")
    world.simulator.faults = Faults(refuse=503)
    status, _ = await world.post("Hello?")
    assert status == 503
    world.simulator.faults = Faults()
    status, _ = await world.post("Hello?")
    assert status == 200


# Connections.


@pytest_twisted.ensureDeferred
async def test_a_client_that_leaves(world: World) -> None:
    """A client leaves its stream: the upstream connection is closed."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses")
    answer = world.ask("[[simulate: pace_s=0.01]] Count to 999.", stream=True)
    await answer.began
    assert answer.status == 200
    assert len(world.simulator.connections) == 1
    answer.leave()
    await world.until("it to close", lambda: not world.simulator.connections)


@pytest_twisted.ensureDeferred
async def test_a_retained_connection_that_breaks(world: World) -> None:
    """The retained connection breaks: 400, and the next conversation gets another."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses")
    _, body = await world.post("Hello?")
    world.simulator.drop_all()
    await world.until("it to break", lambda: not world.simulator.connections)
    marker = json.loads(body)["id"]
    status, body = await world.post("Hello?", previous_response_id=marker)
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (400, "previous_response_not_found")
    status, _ = await world.post("Hello?")
    assert status == 200
    assert world.simulator.opened == 2


@pytest_twisted.ensureDeferred
async def test_mode_off(world: World) -> None:
    """In the mode "off" every request has a connection, closed at its end."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses", "continuity.mode=off")
    for number in (1, 2):
        status, _ = await world.post("Hello?")
        assert status == 200
        assert world.simulator.opened == number
        await world.until("it to close", lambda: not world.simulator.connections)
