"""What pytest hands to tests on the real reactor: a world, and whom it believes."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM

import pytest
import pytest_twisted
import trustme

from tests.end_to_end.world import World


@pytest_twisted.async_yield_fixture
async def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A world on the real reactor, gone without a trace after the test."""
    from twisted.internet import reactor

    for name in list(os.environ):
        if name.startswith(("CHATMOCKD_", "CHATGPT_LOCAL_")):
            monkeypatch.delenv(name)
    # The daemon watches for these; the test run wants them back.
    signals = {each: signal.getsignal(each) for each in (SIGTERM, SIGINT, SIGHUP)}
    world = World(reactor, tmp_path)
    yield world
    try:
        await world.stop()
    finally:
        for each, before in signals.items():
            signal.signal(each, before)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The one authority which this process believes, while the test runs."""
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return authority
