"""What the account needs while the daemon runs, and nobody asks for."""

from __future__ import annotations

from twisted.application.service import Service

from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.limits import AccountLimits


class Upkeep(Service):
    """Has the models known before they are asked for, and the limits written."""

    name = "upkeep"

    def __init__(self, catalog: ModelCatalog, limits: AccountLimits) -> None:
        self._catalog = catalog
        self._limits = limits

    def startService(self) -> None:
        """Ask for the models."""
        super().startService()
        self._catalog.models()

    def stopService(self) -> None:
        """Ask no more; forget nothing."""
        super().stopService()
        self._catalog.stop()
        self._limits.write()
