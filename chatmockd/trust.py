"""Whose certificates we believe: the platform's, and those of one file more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import optionsForClientTLS
from zope.interface import implementer

from chatmockd.settings import ConfigError

_BLOCK = re.compile(
    rb"-----BEGIN ((?:TRUSTED )?CERTIFICATE)-----.*?-----END \1-----", re.DOTALL
)


class Trust:
    """
    The authorities whose word on a server's name we take.

    C{CODEX_CA_CERTIFICATE}, or else C{SSL_CERT_FILE}, names a file of certificates in
    PEM. As in Codex they are believed besides the platform's: a company's proxy needs
    its own, and the rest of the world has not changed. (OpenSSL takes C{SSL_CERT_FILE}
    for the platform's own file, which that replaces; so it does here.)
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """@raise ConfigError: The file cannot be read, or has no certificate in it."""
        self._extra: Sequence[crypto.X509] = ()
        self._options: dict[str, IOpenSSLClientConnectionCreator] = {}
        for variable in ("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"):
            named = environ.get(variable)
            if named:
                self._extra = _certificates(variable, Path(named))
                break

    def options(self, host: str) -> IOpenSSLClientConnectionCreator:
        """
        What begins TLS with C{host}, and believes nobody else to be it.

        Kept, since reading the platform's certificates takes some ten milliseconds.
        """
        options = self._options.get(host)
        if options is None:
            options = self._options[host] = _Believing(host, self._extra)
        return options


@implementer(IOpenSSLClientConnectionCreator)
class _Believing:
    """The TLS of one host, with certificates besides the platform's."""

    def __init__(self, host: str, extra: Sequence[crypto.X509]) -> None:
        self._options = optionsForClientTLS(host)
        self._extra = extra

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = self._options.clientConnectionForTLS(tlsProtocol)
        extra, self._extra = self._extra, ()
        if extra:
            # All connections of these options share one context.
            store = connection.get_context().get_cert_store()
            assert store is not None
            for certificate in extra:
                store.add_cert(certificate)
        return connection


def _certificates(variable: str, file: Path) -> list[crypto.X509]:
    try:
        text = file.read_bytes()
    except OSError as problem:
        raise ConfigError(
            f"{variable}: {file} cannot be read: {problem.strerror}"
        ) from None
    blocks = [found[0] for found in _BLOCK.finditer(text)]
    if not blocks:
        raise ConfigError(f"{variable}: {file} has no certificate in it (PEM)")
    found = []
    for number, block in enumerate(blocks, 1):
        try:
            found.append(crypto.load_certificate(crypto.FILETYPE_PEM, block))
        except (crypto.Error, ValueError):
            raise ConfigError(
                f"{variable}: {file}: certificate {number} cannot be read"
            ) from None
    return found
