"""Which models the account may use: known at once, and brought up to date meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from chatmockd.account.asking import Asking, NotSignedIn
from chatmockd.account.identity import Identity
from chatmockd.account.state_folder import StateFolder
from chatmockd.core.model import Model
from chatmockd.core.model_list import BadList, read_list
from chatmockd.core.page_urls import list_url
from chatmockd.core.shipped import SHIPPED
from chatmockd.outbound import Unreachable

_RETRY_FIRST, _RETRY_LAST = 60.0, 3600.0  # seconds from a failure to the next attempt

Source = Literal["upstream", "disk", "shipped"]


class _Kept(msgspec.Struct):
    """
    A list as it is on disk.

    @ivar upstream: Which one it came from.
    @ivar fetched: When that said it last, Unix time.
    """

    upstream: str
    key: str
    fetched: float
    models: list[Model]
    etag: str = ""


class ModelCatalog:
    """
    The account's models; a L{chatmockd.core.model.Catalog}.

    @ivar source: Where what it knows is from.
    """

    _log = Logger()

    def __init__(
        self,
        seconds: Callable[[], float],
        now: Callable[[], float],
        asking: Asking,
        folder: StateFolder,
        profile: str,
        upstream_url: str,
        *,
        sync: bool,
        refresh_interval: float,
        signed_in: Callable[[Identity | None], None] = lambda identity: None,
    ) -> None:
        """
        @param seconds: What to wait by.
        @param now: Unix time, in seconds.
        @param sync: Whether the upstream is asked at all.
        @param refresh_interval: Seconds for which a list is good.
        @param signed_in: Told who we turn out to be, or that we are nobody.
        """
        self._seconds = seconds
        self._now = now
        self._asking = asking
        self._folder = folder
        self._profile = profile
        self._url = list_url(profile, upstream_url)
        self._sync = sync
        self._interval = refresh_interval
        self._signed_in = signed_in
        self._models: Sequence[Model] = SHIPPED
        self._kept: _Kept | None = None
        self._failures = 0
        self._next = 0.0
        self._task: Deferred[None] | None = None
        self.source: Source = "shipped"
        if sync:
            # Until it is known who we are, the list of whoever was here last.
            for content in folder.newest("models-*.json"):
                kept = self._decoded(content)
                if kept is not None:
                    self._use(kept, "disk")
                    break

    @property
    def age(self) -> float | None:
        """Seconds since the upstream last said that it is so; None if it never did."""
        if self._kept is None:
            return None
        return max(0.0, self._now() - self._kept.fetched)

    def models(self) -> Sequence[Model]:
        """See L{chatmockd.core.model.Catalog.models}."""
        if self._sync and self._task is None and self._is_due():
            task = self._task = Deferred.fromCoroutine(self._keep_up())
            if task.called:
                self._task = None
        return self._models

    @property
    def known(self) -> Sequence[Model]:
        """The same, without having anything brought up to date."""
        return self._models

    def stop(self) -> None:
        """Ask no more."""
        self._sync = False
        if self._task is not None:
            self._task.cancel()

    async def refresh(self) -> None:
        """
        Ask the upstream now.

        @raise Unreachable: No answer came.
        @raise NotSignedIn: We are not let in.
        @raise BadList: What came is no list of models; the one before is still good.
        """
        try:
            identity = await self._asking.identity()
        except NotSignedIn:
            self._signed_in(None)
            raise
        self._signed_in(identity)
        if self._kept is None or self._kept.key != identity.key:
            self._take_over(identity)
        kept = self._kept
        headers = {"If-None-Match": kept.etag} if kept is not None and kept.etag else {}
        asked_as, answered = await self._asking.get(self._url, headers)
        now = self._now()
        if answered.status == 304 and kept is not None and headers:
            kept = msgspec.structs.replace(kept, fetched=now)
        elif answered.status == 200:
            kept = _Kept(
                self._url,
                asked_as.key,
                now,
                read_list(self._profile, answered.body),
                _etag(answered.headers.get("etag", "")),
            )
        else:
            raise BadList(f"the upstream answered with {answered.status}")
        self._use(kept, "upstream")
        self._next = self._seconds() + self._interval
        self._folder.write(f"models-{kept.key}.json", msgspec.json.encode(kept))

    async def _keep_up(self) -> None:
        try:
            await self.refresh()
        except CancelledError:
            pass
        except (Unreachable, NotSignedIn, BadList) as problem:
            self._failed(str(problem))
        except Exception:
            self._log.failure("asking for the models")
            self._failed("chatmockd failed")
        else:
            if self._failures:
                self._log.info("the list of models is up to date again")
            self._failures = 0
        finally:
            self._task = None

    def _failed(self, why: str) -> None:
        if not self._failures:
            self._log.warn(
                "the list of models cannot be brought up to date, the one from "
                "{source} stays: {why}",
                source=self.source,
                why=why,
            )
        wait = min(_RETRY_FIRST * 2 ** min(self._failures, 10), _RETRY_LAST)
        self._failures += 1
        self._next = self._seconds() + wait

    def _is_due(self) -> bool:
        return self._seconds() >= self._next

    def _take_over(self, identity: Identity) -> None:
        """Somebody else is signed in than the list is for."""
        content = self._folder.read(f"models-{identity.key}.json")
        kept = None if content is None else self._decoded(content)
        if kept is not None and kept.key == identity.key:
            self._use(kept, "disk")
        elif self._kept is not None:
            self._models, self._kept, self.source = SHIPPED, None, "shipped"

    def _decoded(self, content: bytes) -> _Kept | None:
        try:
            kept = msgspec.json.decode(content, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if kept.upstream != self._url or not any(m.listed for m in kept.models):
            return None
        return kept

    def _use(self, kept: _Kept, source: Source) -> None:
        self._models, self._kept, self.source = kept.models, kept, source


def _etag(value: str) -> str:
    """What can be sent back as it is."""
    sane = value.isascii() and value.isprintable() and len(value) <= 200
    return value if sane else ""
