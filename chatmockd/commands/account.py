"""The account that commands tell of: how it is asked, and what the daemon has kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from chatmockd.account.asking import Asking
from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.chatgpt import ChatGptLogin
from chatmockd.account.issuer import Issuer
from chatmockd.account.state_folder import StateFolder
from chatmockd.account.tokens import ApiKey, Credentials
from chatmockd.outbound import Outbound
from chatmockd.settings import Settings


@dataclass(frozen=True)
class Account:
    """How the account of the settings is asked, and where the daemon keeps its own."""

    asking: Asking
    catalog: ModelCatalog
    folder: StateFolder

    @classmethod
    def of(
        cls,
        settings: Settings,
        outbound: Outbound,
        environ: Mapping[str, str],
        home: Path,
        clock: IReactorTime,
    ) -> Account:
        """The account that a daemon with these settings would use."""
        url, upstream = settings.upstream_url, settings.upstream
        credentials: Credentials
        if upstream.profile == "openai":
            credentials = ApiKey(upstream.api_key_file, environ)
        else:
            account = settings.account
            issuer = Issuer(account.issuer, account.client_id, outbound)
            credentials = ChatGptLogin(environ, home, clock, clock.seconds, issuer)
        asking = Asking(
            outbound,
            credentials,
            url,
            originator=upstream.originator,
            user_agent=upstream.user_agent,
        )
        folder = StateFolder.beside(settings.store.path, home)
        catalog = ModelCatalog(
            clock.seconds,
            clock.seconds,
            asking,
            folder,
            upstream.profile,
            url,
            sync=settings.models.sync,
            refresh_interval=settings.models.refresh_interval_s,
        )
        return cls(asking, catalog, folder)
