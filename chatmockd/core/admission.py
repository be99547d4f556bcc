"""Who may come in: decided from a request's head alone, before anything is parsed.

A browser will send requests to this machine for any page that its user visits. What
gives those away is a host name that is not ours (DNS rebinding), an C{Origin}, or fetch
metadata; no program of the user's own sends any of these.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chatmockd.errors import (
    ChatmockdError,
    Forbidden,
    InvalidRequest,
    UnsupportedMediaType,
)
from chatmockd.exposure import is_loopback


class Head(msgspec.Struct, frozen=True):
    """
    The parts of a request's head that admission depends on, as they were sent.

    Each header is a list, because one that is sent twice is an attempt to be read
    differently by two programs.
    """

    method: bytes
    target: bytes
    host: Sequence[bytes] = ()
    origin: Sequence[bytes] = ()
    fetch_site: Sequence[bytes] = ()
    content_type: Sequence[bytes] = ()
    content_encoding: Sequence[bytes] = ()
    has_body: bool = False


_FOREIGN = {b"cross-site", b"same-site"}
# Ollama does not look at the content type, and some of its clients (LiteLLM) send none.
# A page can do that, too, but never without its C{Origin}.
_UNTYPED = b"/api/"
# What a body may be packed with, by the names that HTTP has for it.
PACKINGS = frozenset({"deflate", "gzip", "x-gzip", "zstd"})
_MOST_KNOWN = 64  # values of a header; a client could send any number of them


class Admission:
    """The rules for coming in."""

    def __init__(self, hosts: Sequence[str], origins: Sequence[str]) -> None:
        """
        @param hosts: Host names, without port, beside the loopback ones.
        @param origins: Web origins that may call us from a browser.
        """
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)
        self._origins = frozenset(origin.encode("utf-8") for origin in origins)
        # Nearly all requests say the same.
        self._hosts_seen: dict[bytes, bool] = {}
        self._types_seen: dict[bytes, bool] = {}

    def allows_origin(self, origins: Sequence[bytes]) -> bool:
        """Whether a request with these C{Origin} headers is from a page we know."""
        return len(origins) == 1 and origins[0] in self._origins

    def check(self, head: Head) -> ChatmockdError | None:
        """Why the request is turned away; None when it may come in."""
        if not head.target.startswith(b"/"):
            return InvalidRequest("The request target must be a path.")
        if len(head.host) != 1:
            return InvalidRequest("There must be exactly one Host header.")
        if not self._is_ours(head.host[0]):
            return Forbidden(
                f"Host {_shown(head.host[0])} is not served here; allowed are loopback "
                "names and those in server.allowed_hosts."
            )
        known_page = bool(head.origin) and self.allows_origin(head.origin)
        if head.origin and not known_page:
            return Forbidden(
                f"Origin {_shown(head.origin[0])} is not in server.allowed_origins."
            )
        if head.fetch_site and not known_page and _FOREIGN & set(head.fetch_site):
            return Forbidden("Web pages may not call this server.")
        # A form always says what it sends, even when that is nothing.
        if head.has_body or (head.method == b"POST" and head.content_type):
            return self._check_body(head)
        return None

    def _is_ours(self, host: bytes) -> bool:
        """Whether a C{Host} names us."""
        ours = self._hosts_seen.get(host)
        if ours is None:
            ours = self._names_us(host.decode("latin-1"))
            if len(self._hosts_seen) < _MOST_KNOWN:
                self._hosts_seen[host] = ours
        return ours

    def _is_json(self, content_type: bytes) -> bool:
        known = self._types_seen.get(content_type)
        if known is None:
            known = _names_json(content_type.decode("latin-1"))
            if len(self._types_seen) < _MOST_KNOWN:
                self._types_seen[content_type] = known
        return known

    def _names_us(self, host: str) -> bool:
        name = host.strip().lower()
        if name.startswith("["):
            name, bracket, port = name[1:].partition("]")
            if not bracket or port[:1] not in ("", ":"):
                return False
            port = port[1:]
        else:
            name, _, port = name.partition(":")
        if port and not port.isdecimal():
            return False
        return is_loopback(name) or name.rstrip(".") in self._hosts

    def _check_body(self, head: Head) -> ChatmockdError | None:
        if not self._is_said_to_be_json(head):
            return UnsupportedMediaType(
                "The body must be sent with 'Content-Type: application/json'."
            )
        if head.content_encoding and packing_of(head.content_encoding) is None:
            told = ", ".join(map(_shown, head.content_encoding))
            return UnsupportedMediaType(
                f"Content-Encoding {told} is not supported; use one of "
                f"{', '.join(sorted(PACKINGS))}, or send the body as it is."
            )
        return None

    def _is_said_to_be_json(self, head: Head) -> bool:
        kinds = head.content_type
        if not kinds:
            return head.target.startswith(_UNTYPED)
        return len(kinds) == 1 and self._is_json(kinds[0])


def packing_of(encodings: Sequence[bytes]) -> str | None:
    """
    What a body with these C{Content-Encoding} headers is packed with.

    @return: One of L{PACKINGS}, C{""} for nothing, None for what is not known; nobody
        packs a body twice.
    """
    names = [name.decode("latin-1").strip().lower() for name in encodings]
    packings = [name for name in names if name not in ("", "identity")]
    if not packings:
        return ""
    return packings[0] if len(names) == 1 and packings[0] in PACKINGS else None


def _shown(value: bytes) -> str:
    return repr(value.decode("latin-1"))


def _names_json(content_type: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \"'") not in ("utf-8", "utf8"):
            return False
    return kind == "application/json"
