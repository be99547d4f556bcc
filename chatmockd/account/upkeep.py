"""What the account needs while the daemon runs, and nobody asks for."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.limits import AccountLimits


class Upkeep(Service):
    """Has the models known before they are asked for, and what was learned written."""

    name = "upkeep"

    def __init__(
        self,
        catalog: ModelCatalog,
        limits: AccountLimits,
        settled: Callable[[], Deferred[None]],
    ) -> None:
        """
        @param settled: Fires when no new tokens are on their way.
        """
        self._catalog = catalog
        self._limits = limits
        self._settled = settled

    def startService(self) -> None:
        """Ask for the models."""
        super().startService()
        self._catalog.models()

    def stopService(self) -> Deferred[None]:
        """
        Ask no more; forget nothing.

        This is after the last turn has ended, which may have had tokens renewed.
        """
        super().stopService()
        self._catalog.stop()
        self._limits.write()
        return self._settled()
