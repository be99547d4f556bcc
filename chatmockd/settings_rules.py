"""
What the type of a key cannot tell of settings, one rule each.

A rule is given the whole settings and yields what it has to say against them. Where a
value was written is not its business; L{chatmockd.config} knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import urlsplit

from chatmockd.exposure import beyond_loopback
from chatmockd.settings import Settings


class Complaint(NamedTuple):
    """What is wrong with the value of one key."""

    section: str
    key: str
    words: str


_Rule = Callable[[Settings], Iterator[Complaint]]

_LOWEST: dict[tuple[str, str], float] = {
    ("server", "max_body_bytes"): 1,
    ("server", "drain_s"): 0,
    ("upstream", "connect_timeout_s"): 0.001,
    ("upstream", "first_event_timeout_s"): 0,
    ("upstream", "idle_timeout_s"): 0,
    ("upstream", "ping_interval_s"): 0,
    ("upstream", "max_age_s"): 1,
    ("continuity", "max_retained"): 1,
    ("continuity", "idle_ttl_s"): 0,
    ("continuity", "abandon_grace_s"): 0,
    ("models", "refresh_interval_s"): 1,
    ("store", "retention_days"): 0.001,
    ("store", "max_bytes"): 1_048_576,
}
_HIGHEST = 2**53  # of any number; above it a float is not exact

_HOST_NAME = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
# As browsers write it; "null" is what they say of a page without an address.
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[^\s/?#@A-Z*]+", re.ASCII)


def complaints(settings: Settings) -> Iterator[Complaint]:
    """What all rules but L{exposure} say, in the order in which they are told."""
    for rule in _RULES:
        yield from rule(settings)


def exposure(settings: Settings) -> Iterator[Complaint]:
    """
    Nobody is reached from elsewhere who does not mean to be.

    This rule is told after everything else that may be said of endpoints: where one
    listens can be told only of what is an endpoint description.
    """
    if not settings.server.descriptions():
        yield Complaint("server", "listen", "names no endpoint")
    if settings.server.allow_remote:
        return
    for description in settings.server.descriptions():
        reason = beyond_loopback(description)
        if reason is not None:
            yield Complaint(
                "server",
                "listen",
                f"{description!r} {reason}; allowed: "
                "loopback interfaces (interface=127.0.0.1), unix sockets, or "
                "server.allow_remote = true",
            )


def _numbers(settings: Settings) -> Iterator[Complaint]:
    for (section, key), least in _LOWEST.items():
        value = getattr(getattr(settings, section), key)
        if not least <= value < _HIGHEST:
            yield Complaint(
                section,
                key,
                f"must be at least {least} (and below {_HIGHEST}), not {value}",
            )


def _upstream_url(settings: Settings) -> Iterator[Complaint]:
    url = settings.upstream.url
    if url and not _is_url(url, "ws", "wss"):
        yield Complaint(
            "upstream",
            "url",
            "must look like wss://host[:port]/path, without user name or fragment",
        )


def _retention_needs_sockets(settings: Settings) -> Iterator[Complaint]:
    if settings.continuity.mode == "retained" and settings.upstream.transport == "http":
        yield Complaint(
            "continuity",
            "mode",
            '"retained" keeps conversations on WebSockets, and '
            'upstream.transport = "http" has none; allowed: "durable" or "off"',
        )


def _header_values(settings: Settings) -> Iterator[Complaint]:
    for key in ("originator", "user_agent"):
        value = getattr(settings.upstream, key)
        if not (value.isascii() and (value.isprintable() or not value)):
            yield Complaint(
                "upstream", key, "must be printable ASCII, as it goes into a header"
            )


def _issuer(settings: Settings) -> Iterator[Complaint]:
    if not _is_url(settings.account.issuer, "http", "https"):
        yield Complaint(
            "account",
            "issuer",
            "must look like https://host[:port], without user name or fragment",
        )


def _store_file(settings: Settings) -> Iterator[Complaint]:
    path = PurePath(settings.store.path)
    if path.name in ("", "~", ".."):
        yield Complaint(
            "store", "path", f"must name a file, not {settings.store.path!r}"
        )
    elif path.parts[0].startswith("~") and path.parts[0] != "~":
        yield Complaint(
            "store",
            "path",
            f"{path.parts[0]!r} is not looked up; "
            "allowed: ~/… for your own home, or the whole path",
        )


def _paths(settings: Settings) -> Iterator[Complaint]:
    for section, key in (("store", "path"), ("upstream", "api_key_file")):
        if "\0" in getattr(getattr(settings, section), key):
            yield Complaint(section, key, "must be a path, without NUL")


def _client_id(settings: Settings) -> Iterator[Complaint]:
    if not settings.account.client_id:
        yield Complaint("account", "client_id", "is empty")


def _allowed_hosts(settings: Settings) -> Iterator[Complaint]:
    for host in settings.server.allowed_hosts:
        if not _is_host(host):
            yield Complaint(
                "server",
                "allowed_hosts",
                "must be host names or addresses, each without port and brackets, "
                f"not {host!r}",
            )


def _allowed_origins(settings: Settings) -> Iterator[Complaint]:
    for origin in settings.server.allowed_origins:
        if not _ORIGIN.fullmatch(origin):
            yield Complaint(
                "server",
                "allowed_origins",
                "must be origins as browsers send them, scheme://host[:port] in small "
                f"letters and with nothing behind it, not {origin!r}",
            )


# In the order in which they are told.
_RULES: tuple[_Rule, ...] = (
    _numbers,
    _upstream_url,
    _retention_needs_sockets,
    _header_values,
    _issuer,
    _store_file,
    _paths,
    _client_id,
    _allowed_hosts,
    _allowed_origins,
)


def _is_host(host: str) -> bool:
    """Whether a C{Host} header could have it, when its port is taken off."""
    try:
        ip_address(host)
    except ValueError:
        return _HOST_NAME.fullmatch(host) is not None
    return True


def _is_url(url: str, *schemes: str) -> bool:
    """Whether it has one of these schemes, a host, and nothing that is out of place."""
    if not (url.isascii() and url.isprintable()) or " " in url or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in schemes
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
    )
