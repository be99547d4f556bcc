"""What each account may still use, as the upstream last said it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chatmockd.account.identity import Identity, identity_of
from chatmockd.account.state_folder import StateFolder
from chatmockd.core.limits import Limits, from_frame, from_headers

_WRITE_AFTER = 5.0  # seconds; each turn says something new
_MOST_ACCOUNTS = 16

RateHeaders = tuple[tuple[bytes, bytes], ...]


class AccountLimits:
    """
    The limits of the accounts that were signed in, the current one's above all.

    @ivar identity: Who was signed in last; None while that is not known, or nobody is.
    @ivar signed_in: Whether anybody is; None while that is not known.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        folder: StateFolder,
        upstream_url: str,
    ) -> None:
        """
        @param now: Unix time, in seconds.
        """
        self.identity: Identity | None = None
        self.signed_in: bool | None = None
        self._clock = clock
        self._now = now
        self._folder = folder
        self._upstream_url = upstream_url
        self._known: OrderedDict[str, Limits] = OrderedDict()
        self._unwritten: set[str] = set()
        self._writing: IDelayedCall | None = None
        self._seen: tuple[str | None, str | None, Identity] | None = None
        self._headers: RateHeaders = ()
        self._headers_at: tuple[int, Limits | None] = (-1, None)

    @property
    def latest(self) -> Limits | None:
        """What is known of the current account."""
        return None if self.identity is None else self._known.get(self.identity.key)

    def sees(self, identity: Identity | None) -> None:
        """This one is signed in, or nobody."""
        self.identity = identity
        self.signed_in = identity is not None
        if identity is not None and identity.key not in self._known:
            kept = read_limits(self._folder, identity)
            if kept is not None:
                self._remember(identity.key, kept)

    def heard(
        self, signed_in_with: Mapping[str, str], said: Mapping[str, str] | bytes
    ) -> None:
        """
        The upstream has spoken.

        @param signed_in_with: The headers that its connection was opened with.
        @param said: The headers of an answer, with lower-case names, or a frame.
        """
        identity = self._identity_of(signed_in_with)
        self.sees(identity)
        now = self._now()
        if isinstance(said, bytes):
            limits = from_frame(said, now)
        else:
            limits = from_headers(said, now)
        if limits is not None:
            self.learned(identity, limits)

    def _identity_of(self, headers: Mapping[str, str]) -> Identity:
        """As L{identity_of}, which takes longer than a turn has time for."""
        bearer, account = (
            headers.get("Authorization"),
            headers.get("ChatGPT-Account-ID"),
        )
        if self._seen is None or self._seen[:2] != (bearer, account):
            self._seen = bearer, account, identity_of(headers, self._upstream_url)
        return self._seen[2]

    def learned(self, identity: Identity, limits: Limits) -> None:
        """These are the limits of this account now."""
        key = identity.key
        self._remember(key, limits.after(self._known.get(key)))
        self._unwritten.add(key)
        if self._writing is None:
            self._writing = self._clock.callLater(_WRITE_AFTER, self.write)

    def write(self) -> None:
        """Write what has not been written yet."""
        if self._writing is not None and self._writing.active():
            self._writing.cancel()
        self._writing = None
        keys, self._unwritten = self._unwritten, set()
        for key in keys & self._known.keys():
            self._folder.write(_file(key), msgspec.json.encode(self._known[key]))

    def headers(self) -> RateHeaders:
        """What clients are told in the heads of answers; made once a second."""
        limits = self.latest
        if limits is None:
            return ()
        now = self._now()
        second, of = self._headers_at
        if second != int(now) or of is not limits:
            self._headers = limits.as_headers(now)
            self._headers_at = int(now), limits
        return self._headers

    def _remember(self, key: str, limits: Limits) -> None:
        self._known[key] = limits
        self._known.move_to_end(key)
        if len(self._known) > _MOST_ACCOUNTS:
            self._known.popitem(last=False)


def read_limits(folder: StateFolder, identity: Identity) -> Limits | None:
    """What the daemon has written about an account, if it is there and whole."""
    content = folder.read(_file(identity.key))
    try:
        return None if content is None else msgspec.json.decode(content, type=Limits)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _file(key: str) -> str:
    return f"limits-{key}.json"
