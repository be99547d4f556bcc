"""The settings: one frozen object, with every key's type, unit and default."""

from __future__ import annotations

from typing import Literal

import msgspec

from chatmockd.core.profile import PROFILES

Listen = str | list[str]

# How a switch is written as text.
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line for the operator."""

    def __str__(self) -> str:
        # Names come from the operator, and may have line breaks in them.
        return " ".join(super().__str__().splitlines())


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all sections share: frozen, and no key that is not known."""


class Server(Section, frozen=True):
    """C{[server]}: who may reach us, and how we stop."""

    listen: Listen = "tcp:8000:interface=127.0.0.1"
    max_body_bytes: int = 33_554_432
    allowed_hosts: list[str] = []
    allowed_origins: list[str] = []
    allow_remote: bool = False
    drain_s: float = 120
    log_requests: bool = False

    def descriptions(self) -> list[str]:
        """The endpoint descriptions to listen on."""
        return [self.listen] if isinstance(self.listen, str) else list(self.listen)


class Upstream(Section, frozen=True):
    """C{[upstream]}: where the model is, and how long we wait for it. Seconds."""

    profile: Literal["chatgpt", "openai"] = "chatgpt"
    transport: Literal["websocket", "http"] = "websocket"
    fallback: Literal["none", "http"] = "none"
    url: str = ""
    api_key_file: str = ""
    connect_timeout_s: float = 10
    first_event_timeout_s: float = 60
    idle_timeout_s: float = 300
    ping_interval_s: float = 20
    max_age_s: float = 3300
    originator: str = ""
    user_agent: str = ""


class Account(Section, frozen=True):
    """C{[account]}: how to sign in to ChatGPT."""

    issuer: str = "https://auth.openai.com"
    client_id: str = "app_EMoamEEZ73f0CkXaXp7hrann"
    login_bind: str = "127.0.0.1"


class Models(Section, frozen=True):
    """C{[models]}: which models clients are told of."""

    sync: bool = True
    refresh_interval_s: float = 3600
    expose_efforts: bool = False


Effort = Literal[
    "", "none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"
]


class Defaults(Section, frozen=True):
    """C{[defaults]}: what a request gets that does not say."""

    model: str = ""
    reasoning_effort: Effort = ""
    reasoning_summary: Literal["", "auto", "concise", "detailed", "none"] = ""
    reasoning_compat: Literal["think-tags", "o3", "legacy", "current"] = "think-tags"
    fast_mode: bool = False
    web_search: bool = False


class Continuity(Section, frozen=True):
    """C{[continuity]}: what is kept between turns."""

    mode: Literal["durable", "retained", "off"] = "durable"
    max_retained: int = 1000
    idle_ttl_s: float = 600
    abandon_grace_s: float = 30


class Store(Section, frozen=True):
    """C{[store]}: where finished turns are kept, in mode durable."""

    kind: Literal["sqlite", "memory"] = "sqlite"
    path: str = "~/.local/state/chatmockd/chatmockd.sqlite"
    retention_days: float = 30
    max_bytes: int = 2_147_483_648


class Compat(Section, frozen=True):
    """C{[compat]}: what is changed for strict clients."""

    backfill_output: Literal["empty", "missing"] = "empty"


class Settings(Section, frozen=True):
    """All of it."""

    server: Server = Server()
    upstream: Upstream = Upstream()
    continuity: Continuity = Continuity()
    store: Store = Store()
    compat: Compat = Compat()
    account: Account = Account()
    models: Models = Models()
    defaults: Defaults = Defaults()

    @property
    def upstream_url(self) -> str:
        """C{upstream.url}, or else the profile's."""
        return self.upstream.url or PROFILES[self.upstream.profile].url
