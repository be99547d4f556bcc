"""TOML file, environment and C{--set} to one frozen L{Settings}, or one readable error.

Later sources win: defaults, file, environment, C{--set}. Values from the environment
and from C{--set} are text and become what the key's type says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from chatmockd.core.profile import PROFILES
from chatmockd.exposure import beyond_loopback

Listen = str | list[str]

# Which source gave a key, section and name, the value it has.
_Sources = dict[tuple[str, str], str]

_HIGHEST = 2**53  # of any number; above it a float is not exact


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line for the operator."""

    def __str__(self) -> str:
        # Names come from the operator, and may have line breaks in them.
        return " ".join(super().__str__().splitlines())


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all sections share: frozen, and no key that is not known."""


class Server(_Section, frozen=True):
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


class Upstream(_Section, frozen=True):
    """C{[upstream]}: where the model is, and how long we wait for it. Seconds."""

    profile: Literal["chatgpt", "openai"] = "chatgpt"
    transport: Literal["websocket"] = "websocket"
    url: str = ""
    api_key_file: str = ""
    connect_timeout_s: float = 10
    first_event_timeout_s: float = 60
    idle_timeout_s: float = 300
    ping_interval_s: float = 20
    max_age_s: float = 3300


class Continuity(_Section, frozen=True):
    """C{[continuity]}: what is kept between turns."""

    mode: Literal["durable", "retained", "off"] = "durable"
    max_retained: int = 1000
    idle_ttl_s: float = 600
    abandon_grace_s: float = 30


class Store(_Section, frozen=True):
    """C{[store]}: where finished turns are kept, in mode durable."""

    kind: Literal["sqlite", "memory"] = "sqlite"
    path: str = "~/.local/state/chatmockd/chatmockd.sqlite"
    retention_days: float = 30
    max_bytes: int = 2_147_483_648


class Compat(_Section, frozen=True):
    """C{[compat]}: what is changed for strict clients."""

    backfill_output: Literal["empty", "missing"] = "empty"


class Settings(_Section, frozen=True):
    """All of it."""

    server: Server = Server()
    upstream: Upstream = Upstream()
    continuity: Continuity = Continuity()
    store: Store = Store()
    compat: Compat = Compat()

    @property
    def upstream_url(self) -> str:
        """C{upstream.url}, or else the profile's."""
        return self.upstream.url or PROFILES[self.upstream.profile].url


_SECTIONS: dict[str, type[_Section]] = {
    field.name: field.type for field in msgspec.structs.fields(Settings)
}

_CHATMOCK = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM"
_CHATMOCK_STATEFUL = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM_STATEFUL"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def find_file(environ: Mapping[str, str], home: Path) -> Path | None:
    """The configuration file to read when none is named on the command line."""
    named = environ.get("CHATMOCKD_CONFIG")
    if named:
        return Path(named)
    candidates = (
        home / ".config" / "chatmockd" / "chatmockd.toml",
        Path("/etc/chatmockd/chatmockd.toml"),
    )
    return next((path for path in candidates if path.is_file()), None)


def load(
    file: Path | None, environ: Mapping[str, str], sets: Iterable[str] = ()
) -> Settings:
    """
    Put the settings together.

    @param file: The TOML file, if there is one.
    @param environ: The environment; C{CHATMOCKD_SECTION__KEY} and ChatMock's names.
    @param sets: The C{section.key=value} words of C{--set}, in order.
    @raise ConfigError: With the source, the key and what is allowed there.
    """
    values: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    sources: _Sources = {}
    if file is not None:
        for section, keys in _read_file(file).items():
            values[section].update(keys)
            sources.update({(section, key): str(file) for key in keys})
    for source, section, key, value in (
        *_from_chatmock(environ),
        *_from_environment(environ),
        *_from_sets(sets),
    ):
        values[section][key] = _from_text(source, section, key, value)
        sources[section, key] = source
    settings = msgspec.convert(values, Settings)
    _check(settings, sources)
    return settings


def _read_file(file: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{file}: cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8") from None
    except (ValueError, RecursionError) as problem:
        # tomllib leaves the limits of Python itself (digits, depth) to Python.
        raise ConfigError(f"{file}: is not valid TOML: {problem}") from None
    checked: dict[str, dict[str, Any]] = {}
    for section, keys in document.items():
        _known_section(str(file), section)
        if not isinstance(keys, dict):
            raise ConfigError(f"{file}: {section}: must be a table, [{section}]")
        checked[section] = {
            key: _converted(str(file), section, key, value)
            for key, value in keys.items()
        }
    return checked


def _from_environment(
    environ: Mapping[str, str],
) -> Iterable[tuple[str, str, str, str]]:
    for name in sorted(environ):
        if name.startswith("CHATMOCKD_") and "__" in name:
            section, _, key = name.removeprefix("CHATMOCKD_").lower().partition("__")
            yield name, section, key, environ[name]


def _from_sets(sets: Iterable[str]) -> Iterable[tuple[str, str, str, str]]:
    for word in sets:
        name, equals, value = word.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot or not key:
            raise ConfigError(f"--set {word}: must look like section.key=value")
        yield f"--set {name}", section, key, value


def _from_chatmock(environ: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """ChatMock's own switches for this bridge, for people who come from there."""
    websocket = _switch(environ, _CHATMOCK)
    stateful = _switch(environ, _CHATMOCK_STATEFUL)
    if websocket is False:
        if stateful:
            raise ConfigError(
                f"{_CHATMOCK_STATEFUL}: true contradicts {_CHATMOCK}: false; "
                "set both to true, or unset the latter"
            )
        raise ConfigError(
            f"{_CHATMOCK}: false asks for an HTTP upstream, which chatmockd does not "
            "have; allowed: true, or unset"
        )
    found = []
    if websocket:
        found.append((_CHATMOCK, "upstream", "transport", "websocket"))
    if stateful is not None:
        mode = "retained" if stateful else "off"
        found.append((_CHATMOCK_STATEFUL, "continuity", "mode", mode))
    return found


def _switch(environ: Mapping[str, str], name: str) -> bool | None:
    text = environ.get(name, "").strip().lower()
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise ConfigError(f"{name}: must be true or false")
    return text in _TRUE


def _known_section(source: str, section: str) -> None:
    if section not in _SECTIONS:
        allowed = ", ".join(_SECTIONS)
        raise ConfigError(f"{source}: {section}: unknown section; allowed: {allowed}")


def _field(source: str, section: str, key: str) -> msgspec.structs.FieldInfo:
    _known_section(source, section)
    fields = {field.name: field for field in msgspec.structs.fields(_SECTIONS[section])}
    if key not in fields:
        allowed = ", ".join(fields)
        raise ConfigError(
            f"{source}: {section}.{key}: unknown key; allowed in [{section}]: {allowed}"
        )
    return fields[key]


def _from_text(source: str, section: str, key: str, text: str) -> Any:
    """A value written as text, as the type of its key wants it."""
    kind = _field(source, section, key).type
    value: Any = text
    if kind in (Listen, list[str]) and text.lstrip().startswith("["):
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError) as problem:
            raise ConfigError(f"{source}: {section}.{key}: {problem}") from None
    elif kind == list[str]:
        value = [part.strip() for part in text.split(",") if part.strip()]
    elif kind is bool:
        lowered = text.strip().lower()
        value = lowered in _TRUE if lowered in _TRUE | _FALSE else text
    elif kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            value = text
    return _converted(source, section, key, value)


def _converted(source: str, section: str, key: str, value: Any) -> Any:
    kind = _field(source, section, key).type
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise ConfigError(
            f"{source}: {section}.{key}: must be {_in_words(kind)}, not {value!r}"
        ) from None


def _in_words(kind: Any) -> str:
    words: dict[Any, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list[str]: "a list of texts",
        Listen: "an endpoint description or a list of them",
    }
    if kind in words:
        return words[kind]
    return " or ".join(f'"{choice}"' for choice in kind.__args__)


def _check(settings: Settings, sources: _Sources) -> None:
    """Refuse what no single key's type can tell."""
    lowest: dict[tuple[str, str], float] = {
        ("server", "max_body_bytes"): 1,
        ("server", "drain_s"): 0,
        ("upstream", "connect_timeout_s"): 0.001,
        ("upstream", "first_event_timeout_s"): 0,
        ("upstream", "idle_timeout_s"): 0,
        ("upstream", "ping_interval_s"): 0,
        ("upstream", "max_age_s"): 1,
        ("continuity", "max_retained"): 1,
        ("continuity", "idle_ttl_s"): 0,
        ("continuity", "abandon_grace_s"): 0,
        ("store", "retention_days"): 0.001,
        ("store", "max_bytes"): 1_048_576,
    }
    for (section, key), least in lowest.items():
        value = getattr(getattr(settings, section), key)
        if not least <= value < _HIGHEST:
            raise ConfigError(
                f"{_place(sources, section, key)}: must be at least {least:g} and "
                f"below {_HIGHEST:g}, not {value}"
            )
    if settings.upstream.url and not _is_websocket_url(settings.upstream.url):
        raise ConfigError(
            f"{_place(sources, 'upstream', 'url')}: must look like "
            "wss://host[:port]/path, without user name or fragment"
        )
    place = PurePath(settings.store.path)
    if place.name in ("", "~", ".."):
        raise ConfigError(
            f"{_place(sources, 'store', 'path')}: must name a file, not "
            f"{settings.store.path!r}"
        )
    listen = _place(sources, "server", "listen")
    if not settings.server.descriptions():
        raise ConfigError(f"{listen}: names no endpoint")
    if not settings.server.allow_remote:
        for description in settings.server.descriptions():
            reason = beyond_loopback(description)
            if reason is not None:
                raise ConfigError(
                    f"{listen}: {description!r} {reason}; allowed: "
                    "loopback interfaces (interface=127.0.0.1), unix sockets, or "
                    "server.allow_remote = true"
                )


def _place(sources: _Sources, section: str, key: str) -> str:
    """Where the value of a key was written, and the key."""
    source = sources.get((section, key), "defaults")
    return f"{source}: {section}.{key}"


def _is_websocket_url(url: str) -> bool:
    if not (url.isascii() and url.isprintable()) or " " in url or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("ws", "wss")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
    )
