"""C{GET /v1/status}: how the daemon is, from what it knows itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from chatmockd import __version__
from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.limits import AccountLimits
from chatmockd.core.usage import Spent, Usage
from chatmockd.errors import ChatmockdError
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.web.following import answer_json
from chatmockd.web.guard import GuardedRequest

_DAYS = 30


class Status:
    """
    Answers without asking the upstream, and without waiting for it.

    There is nothing here that may not be seen by whoever may use the daemon: no secret,
    no name, and of the account's id as much as tells one from another.
    """

    def __init__(
        self,
        settings: Settings,
        turns: Turns,
        catalog: ModelCatalog,
        limits: AccountLimits,
        pulse: Pulse,
        now: Callable[[], float],
    ) -> None:
        """
        @param now: Unix time, in seconds.
        """
        self._settings = settings
        self._turns = turns
        self._catalog = catalog
        self._limits = limits
        self._clock = pulse.clock
        self._began = pulse.clock.seconds()
        self._now = now

    async def get(self, request: GuardedRequest) -> bytes:
        """All of it."""
        # Asking for them has them brought up to date, and us told who we are.
        models = self._catalog.models()
        age = self._catalog.age
        limits = self._limits.latest
        status: dict[str, Any] = {
            "object": "chatmockd.status",
            "version": __version__,
            "uptime_s": round(self._clock.seconds() - self._began),
            "account": self._account(),
            "limits": None if limits is None else limits.as_json(self._now()),
            "connections": self._turns.upstream.counts(),
            "turns_in_flight": self._turns.in_flight,
            "store": await self._store(),
            "usage": await self._usage(),
            "models": {
                "count": sum(model.listed for model in models),
                "source": self._catalog.source,
                "age_s": None if age is None else round(age),
            },
        }
        return answer_json(request, msgspec.json.encode(status))

    def _account(self) -> dict[str, Any]:
        identity, limits = self._limits.identity, self._limits.latest
        plan = "" if limits is None else limits.plan
        if not plan and identity is not None:
            plan = identity.plan
        return {
            "profile": self._turns.upstream.profile.name,
            "signed_in": self._limits.signed_in,
            "plan": plan or None,
            "id": (identity.short_account or None) if identity is not None else None,
        }

    async def _store(self) -> dict[str, Any]:
        tree = self._turns.tree
        if tree is None:
            return {"kind": "none", "bytes": 0, "nodes": 0}
        kind = self._settings.store.kind
        try:
            size, nodes = await tree.size()
        except ChatmockdError as problem:
            return {"kind": kind, "bytes": None, "nodes": None, "error": str(problem)}
        store: dict[str, Any] = {"kind": kind, "bytes": size, "nodes": nodes}
        if not tree.is_in_place():
            store["error"] = "its file has been deleted, moved or replaced"
        return store

    async def _usage(self) -> dict[str, Any] | None:
        try:
            spent = await self._turns.usage(OWNER, _DAYS)
            today = await self._turns.usage(OWNER, 1)
        except ChatmockdError:
            return None
        return {"today": usage_json(today), "days": _DAYS} | usage_json(spent)


def usage_json(spent: list[Spent]) -> dict[str, Any]:
    """What was used in all, and of each model."""
    models: dict[str, Usage] = {}
    for one in spent:
        models[one.model] = models.get(one.model, Usage()) + one.usage
    total = sum(models.values(), Usage())
    return {
        "total": total.as_json(),
        "by_model": {name: usage.as_json() for name, usage in models.items()},
    }
