"""
The daemon's ways to the upstream on real sockets: proxies, certificates, HTTP.

As in L{tests.end_to_end.test_real_sockets}, what OpenSSL believes can only be seen
there. The upstream's name exists nowhere but in the proxy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import openai
import pytest
import pytest_twisted
import trustme
from openai import DefaultHttpxClient, OpenAI
from twisted.internet import reactor as _reactor
from twisted.internet.threads import deferToThread
from twisted.web.server import Site

from chatmockd.network import Network
from chatmockd.outbound import HttpOutbound, Unreachable
from chatmockd.settings import ConfigError
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.http_turns import HttpTurns
from chatmockd.trust import Trust
from tests.end_to_end.proxy import Proxy
from tests.end_to_end.world import World

reactor: Any = _reactor

NAME = "upstream.test"
TELL, ASK = "Remember the token ALPHA-42.", "What token did I ask you to remember?"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those of the test."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def site_of(turns: HttpTurns) -> Site:
    """The simulated upstream's HTTP side, as a server."""
    return Site(turns, reactor=reactor)


async def proxied(
    world: World, certificate: Any, site: Any = None, wanted: str | None = None
) -> tuple[int, Proxy]:
    """An upstream that speaks TLS, and a proxy in front of it."""
    port, _ = await world.listen(certificate, site=site)
    proxy = Proxy(reactor, port, wanted)
    number, _ = await world.listen(site=proxy)
    return number, proxy


# Proxies.


@pytest_twisted.ensureDeferred
async def test_a_websocket_through_a_proxy(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is spoken with the upstream; the proxy sees a name and a port."""
    port, proxy = await proxied(world, authority.issue_cert(NAME))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    world.serve(f"wss://{NAME}/v1/responses")
    status, body = await world.post(TELL)
    assert status == 200, body
    marker = json.loads(body)["id"]
    status, body = await world.post(ASK, previous_response_id=marker)
    assert b"ALPHA-42" in body
    assert proxy.asked == [f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443"]


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_wants_credentials(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets those of its URL; with others it is told that it was the proxy."""
    wanted = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    port, _ = await proxied(world, authority.issue_cert(NAME), wanted=wanted)
    monkeypatch.setenv("https_proxy", f"http://Aladdin:open%20sesame@127.0.0.1:{port}")
    world.serve(f"wss://{NAME}/v1/responses")
    status, body = await world.post("Hello?")
    assert status == 200, body


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_takes_no_credentials(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the proxy and the phase, and no password."""
    port, _ = await proxied(world, authority.issue_cert(NAME), wanted="never")
    monkeypatch.setenv("ALL_PROXY", f"http://user:canary@127.0.0.1:{port}")
    world.serve(f"wss://{NAME}/v1/responses")
    status, body = await world.post("Hello?")
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "upstream_unreachable")
    assert f"{NAME}:443: proxy: 127.0.0.1:{port}: it does not take" in error["message"]
    assert b"canary" not in body


@pytest_twisted.ensureDeferred
async def test_a_proxy_over_tls(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS inside TLS, each with its own name."""
    port, _ = await world.listen(authority.issue_cert(NAME))
    proxy = Proxy(reactor, port)
    number, _ = await world.listen(authority.issue_cert("localhost"), site=proxy)
    monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{number}")
    world.serve(f"wss://{NAME}/v1/responses")
    status, body = await world.post("Hello?")
    assert status == 200, body
    assert len(proxy.asked) == 1


@pytest_twisted.ensureDeferred
async def test_nobody_but_the_upstream_is_believed(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that leads elsewhere gets no request."""
    port, _ = await proxied(world, authority.issue_cert("elsewhere.test"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    for sets in ((), ("upstream.transport=http", "continuity.mode=off")):
        world.serve(f"wss://{NAME}/v1/responses", *sets)
        status, body = await world.post("Hello?")
        assert status == 502, body
        assert b"TLS: the certificate is for another host name" in body
        await world.stop_daemon()


# Certificates.


@pytest_twisted.ensureDeferred
async def test_codex_ca_certificate(
    world: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is believed besides the platform's; without it the upstream is not."""
    authority = trustme.CA()
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(
        b"# ours\n" + authority.cert_pem.bytes() + trustme.CA().cert_pem.bytes()
    )
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    port, _ = await world.listen(authority.issue_cert("localhost"))
    for named, wanted in ((str(bundle), 200), ("", 502)):
        monkeypatch.setenv("CODEX_CA_CERTIFICATE", named)
        world.serve(f"wss://localhost:{port}/v1/responses")
        status, body = await world.post("Hello?")
        assert status == wanted, body
        await world.stop_daemon()


def test_bundles_that_cannot_be_used(tmp_path: Any) -> None:
    """One line names the variable and the file."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    for file, why in (
        (tmp_path / "none.pem", "cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (empty, "has no certificate in it"),
        (broken, "certificate 1 cannot be read"),
    ):
        for name in ("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"):
            with pytest.raises(ConfigError) as caught:
                Trust({name: str(file)})
            assert f"{name}: {file}" in str(caught.value)
            assert why in str(caught.value)


# HTTP.


async def in_thread(work: Callable[[], Any]) -> Any:
    """What the official client does, which waits."""
    return await deferToThread(work)


def client_of(world: World) -> OpenAI:
    return OpenAI(
        api_key="unused",
        base_url=f"http://127.0.0.1:{world.port}/v1",
        max_retries=0,
        timeout=30,
        http_client=DefaultHttpxClient(trust_env=False),
    )


@pytest.mark.parametrize("profile", ["openai", "chatgpt"])
@pytest_twisted.ensureDeferred
async def test_the_openai_client_over_http(
    world: World,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    profile: str,
) -> None:
    """A conversation, streamed and not, through a proxy, and what else there is."""
    turns = HttpTurns(reactor, profile)
    port, proxy = await proxied(world, authority.issue_cert(NAME), site_of(turns))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    home = tmp_path / "home"
    home.mkdir()
    tokens = {"access_token": "chatgpt-token", "account_id": "a"}
    (home / "auth.json").write_text(json.dumps({"tokens": tokens}))
    monkeypatch.setenv("CODEX_HOME", str(home))
    path = "/v1" if profile == "openai" else "/backend-api/codex"
    world.serve(
        f"wss://{NAME}{path}/responses",
        f"upstream.profile={profile}",
        "upstream.transport=http",
        "continuity.mode=durable",
        "store.kind=memory",
    )

    def talk() -> tuple[str, Any, str, str]:
        with client_of(world) as client:
            first = client.responses.create(model="gpt-5.5", input=TELL)
            with client.responses.stream(
                model="gpt-5.5", input=ASK, previous_response_id=first.id
            ) as stream:
                second = stream.get_final_response()
            compacted = client.responses.compact(
                model="gpt-5.5", input="And?", previous_response_id=second.id
            )
            try:
                counted = str(
                    client.responses.input_tokens.count(
                        model="gpt-5.5", input="Hello"
                    ).input_tokens
                )
            except openai.BadRequestError as problem:
                counted = str(problem.code)
            kinds = [item.type for item in compacted.output]
            return second.output_text, kinds, compacted.object, counted

    text, kinds, named, counted = await in_thread(talk)
    assert "ALPHA-42" in text
    assert kinds == ["message", "message", "message", "compaction"]
    assert named == "response.compaction"
    assert counted == ("1" if profile == "openai" else "unsupported_by_upstream")
    bodies = [seen.body for seen in turns.seen]
    assert all("previous_response_id" not in body for body in bodies), bodies
    # Turns share a connection; each of the other calls has its own.
    assert len(proxy.asked) == (3 if profile == "openai" else 2)


@pytest_twisted.ensureDeferred
async def test_errors_over_http(world: World) -> None:
    """Each is what the client knows it as."""
    turns = HttpTurns(reactor)
    port, _ = await world.listen(site=site_of(turns))
    world.serve(
        f"ws://127.0.0.1:{port}/v1/responses",
        "upstream.transport=http",
        "continuity.mode=off",
    )

    def status_with(faults: Faults, **more: Any) -> tuple[int, str | None]:
        turns.faults = faults
        with client_of(world) as client:
            try:
                client.responses.create(model="gpt-5.5", input="Hello?", **more)
            except openai.APIStatusError as problem:
                return problem.status_code, problem.code
        return 200, None

    def broken(faults: Faults) -> list[str]:
        turns.faults = faults
        with client_of(world) as client:
            kinds = []
            try:
                for event in client.responses.create(
                    model="gpt-5.5", input="Count to 5.", stream=True
                ):
                    kinds.append(event.type)
            except openai.APIError as problem:
                kinds.append(str(problem.code))
        return kinds

    for faults, wanted in (
        (Faults(refuse=401), (401, "invalid_api_key")),
        (Faults(refuse=403), (403, None)),
        (Faults(refuse=429, refuse_headers={"retry-after": "9"}), (429, None)),
        (Faults(refuse=503), (503, "server_is_overloaded")),
        (Faults(refuse=502, refuse_body="<html>"), (502, "upstream_error")),
        (Faults(error="usage_limit_reached"), (429, "usage_limit_reached")),
        (Faults(error="server_error", after=0), (500, "server_error")),
        (Faults(drop=True), (502, "upstream_outcome_unknown")),
        (Faults(malformed="json"), (502, "upstream_malformed_frame")),
        (Faults(refuse=426), (200, None)),
    ):
        status, code = await in_thread(lambda faults=faults: status_with(faults))
        assert status == wanted[0], (faults, status, code)
        assert wanted[1] in (None, code), (faults, code)
    for faults, last in (
        (Faults(drop=True, after=4), "upstream_disconnected"),
        (Faults(close=1000, after=4), "upstream_disconnected"),
        (Faults(malformed="utf8", after=4), "upstream_malformed_frame"),
        (Faults(error="server_error", after=4), "server_error"),
        (Faults(failed="server_error", after=4), "response.failed"),
    ):
        kinds = await in_thread(lambda faults=faults: broken(faults))
        assert kinds[0] == "response.created" and kinds[-1] == last, (faults, kinds)


@pytest_twisted.ensureDeferred
async def test_leaving_over_http(world: World) -> None:
    """A client that goes away ends the request; one that reads slowly loses nothing."""
    turns = HttpTurns(reactor, faults=Faults(pace_s=0.01))
    port, _ = await world.listen(site=site_of(turns))
    world.serve(
        f"ws://127.0.0.1:{port}/v1/responses",
        "upstream.transport=http",
        "continuity.mode=off",
    )
    answer = world.ask("Count to 5000.", stream=True)
    await answer.began
    await world.until("the turn to run", lambda: len(turns.running) == 1)
    answer.leave()
    await world.until("the turn to be given up", lambda: not turns.running)

    turns.faults = Faults(event_bytes=3_000_000)
    answer = world.ask("Hello?", stream=True)
    await answer.began
    reader: Any = answer.transport
    reader.pauseProducing()
    (stream,) = turns.running
    await world.until("the upstream to wait", lambda: stream.is_paused)
    reader.resumeProducing()
    await answer.ended
    assert b"event: response.completed" in answer.body


# Calls.


@pytest_twisted.ensureDeferred
async def test_calls_that_go_wrong(
    world: World, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each says how far it came."""
    good, _ = await world.listen(
        authority.issue_cert("localhost"), site=site_of(HttpTurns(reactor))
    )
    wrong, _ = await world.listen(authority.issue_cert("elsewhere.test"))
    unknown, _ = await world.listen(trustme.CA().issue_cert("localhost"))
    mute, _ = await world.listen(mute=True)
    plain, _ = await world.listen(site=site_of(HttpTurns(reactor)))

    network = Network(reactor, os.environ)
    outbound = HttpOutbound(reactor, network, user_agent="me/1")
    body = b'{"model": "m", "input": "Hello"}'

    answered = await outbound.call(
        "POST", f"https://localhost:{good}/v1/responses/input_tokens", body=body
    )
    assert (answered.status, json.loads(answered.body)["input_tokens"]) == (200, 1)
    assert answered.headers["content-type"] == "application/json"
    answered = await outbound.call("POST", f"http://127.0.0.1:{plain}/elsewhere")
    assert answered.status == 404

    small = HttpOutbound(reactor, network, most=10)
    for calls, url, said in (
        (outbound, f"https://localhost:{wrong}/", "^TLS: .*another host name"),
        (outbound, f"https://localhost:{unknown}/", "^TLS: certificate verify failed"),
        (outbound, f"http://127.0.0.1:{mute}/", r"^request: no answer within 0.2 s"),
        (outbound, f"https://127.0.0.1:{mute}/", r"^(connect|TLS): no answer"),
        (outbound, "http://127.0.0.1:1/", "^connect: Connection was refused"),
        (small, f"http://127.0.0.1:{plain}/v1/responses", "^answer: .*longer than 10"),
    ):
        with pytest.raises(Unreachable, match=said):
            timeout = 0.2 if "no answer" in said else 10
            await calls.call("POST", url, body=body, timeout=timeout)

    with pytest.raises(Unreachable, match="^proxy: ALL_PROXY: .*socks5"):
        socks = Network(reactor, {"ALL_PROXY": "socks5://127.0.0.1:1"})
        await HttpOutbound(reactor, socks).call("GET", f"https://{NAME}/")
