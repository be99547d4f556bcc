"""Which proxy, if any, stands between us and a host, by what the environment says."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

from chatmockd.exposure import is_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SUPPORTED = "supported are http:// and https:// proxies"


class ProxyUnusable(ValueError):
    """A variable names no proxy that can be used; the message never shows its value."""


@dataclass(frozen=True)
class Proxy:
    """
    One proxy.

    @ivar secure: It is spoken to over TLS.
    @ivar authorization: The value of C{Proxy-Authorization}, where it wants one.
    """

    host: str
    port: int
    secure: bool = False
    authorization: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Proxies:
    """
    The proxies of one environment.

    C{HTTPS_PROXY} is for what goes over TLS, C{HTTP_PROXY} for what does not, and
    C{ALL_PROXY} for either that has none of its own. A name in lower-case letters
    wins, as with curl; an empty value is none.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._exceptions = _words(_value(environ, "NO_PROXY")[1])

    def way_to(self, host: str, port: int, *, secure: bool) -> Proxy | None:
        """
        The proxy to ask; None goes straight there.

        Loopback is never asked for through a proxy, which would find itself there.

        @param secure: TLS is spoken with the host.
        @raise ProxyUnusable: The one that is meant cannot be used.
        """
        if is_loopback(host):
            return None
        for variable in ("HTTPS_PROXY" if secure else "HTTP_PROXY", "ALL_PROXY"):
            name, url = _value(self._environ, variable)
            if url:
                return None if self._is_exempt(host, port) else proxy_of(url, name)
        return None

    def _is_exempt(self, host: str, port: int) -> bool:
        host = host.lower().rstrip(".")
        return any(_covers(word, host, port) for word in self._exceptions)


def proxy_of(url: str, variable: str) -> Proxy:
    """
    The proxy that C{url} means; without a scheme it is an C{http://} one.

    @param variable: Where the URL stands, for the error.
    @raise ProxyUnusable: It means none that we can speak to.
    """
    if "://" not in url:
        url = f"http://{url}"
    scheme = url.partition("://")[0].lower()
    if scheme not in _DEFAULT_PORTS:
        kind = f"{scheme}://" if re.fullmatch("[a-z0-9+.-]{1,16}", scheme) else "its"
        raise ProxyUnusable(
            f"{variable}: proxies of the {kind} kind cannot be used; {_SUPPORTED}"
        )
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ProxyUnusable(f"{variable}: is not the URL of a proxy")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ProxyUnusable(f"{variable}: is not the URL of a proxy") from None
    if not host or port == 0:
        raise ProxyUnusable(f"{variable}: names no host and port of a proxy")
    return Proxy(
        host,
        port or _DEFAULT_PORTS[scheme],
        secure=scheme == "https",
        authorization=_basic(parts.username, parts.password),
    )


def _basic(user: str | None, password: str | None) -> str | None:
    if not user and not password:
        return None
    pair = unquote_to_bytes(user or "") + b":" + unquote_to_bytes(password or "")
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _value(environ: Mapping[str, str], variable: str) -> tuple[str, str]:
    """The name under which C{variable} is set, and its value, which may be empty."""
    for name in (variable.lower(), variable):
        value = environ.get(name, "").strip()
        if value:
            return name, value
    return variable, ""


def _words(text: str) -> list[str]:
    return [word.lower() for word in re.split(r"[\s,]+", text) if word]


def _covers(word: str, host: str, port: int) -> bool:
    """Whether one entry of C{NO_PROXY} means this host and port."""
    if word == "*":
        return True
    named, wanted = _split(word)
    if wanted is not None and wanted != port:
        return False
    if "/" in named:
        try:
            return ip_address(host) in ip_network(named, strict=False)
        except ValueError:
            return False
    try:
        return ip_address(host) == ip_address(named)
    except ValueError:
        pass
    domain = named.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split(word: str) -> tuple[str, int | None]:
    """An entry's host and port: C{h}, C{h:1}, C{::1}, C{[::1]} or C{[::1]:1}."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?", word)
    if bracketed:
        return bracketed[1], int(bracketed[2]) if bracketed[2] else None
    named, colon, number = word.rpartition(":")
    if colon and ":" not in named and re.fullmatch(r"\d{1,5}", number):
        return named, int(number)
    return word, None
