"""TOML file, environment and C{--set} to one frozen L{Settings}, or one readable error.

Later sources win: defaults, file, environment, C{--set}. Values from the environment
and from C{--set} are text and become what the key's type says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chatmockd.chatmock_names import from_chatmock
from chatmockd.exposure import beyond_loopback
from chatmockd.settings import FALSE, TRUE, ConfigError, Listen, Section, Settings

# Which source gave a key, section and name, the value it has.
_Sources = dict[tuple[str, str], str]

# Where the value of a section's key was written, and that key: for a complaint.
Place = Callable[[str, str], str]

_HIGHEST = 2**53  # of any number; above it a float is not exact

_HOST_NAME = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
# As browsers write it; "null" is what they say of a page without an address.
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[^\s/?#@A-Z*]+", re.ASCII)

_SECTIONS: dict[str, type[Section]] = {
    field.name: field.type for field in msgspec.structs.fields(Settings)
}


def find_file(environ: Mapping[str, str], home: Path) -> Path | None:
    """The configuration file to read when none is named on the command line."""
    named = environ.get("CHATMOCKD_CONFIG")
    if named:
        return at_home(named, home)
    candidates = (
        home / ".config" / "chatmockd" / "chatmockd.toml",
        Path("/etc/chatmockd/chatmockd.toml"),
    )
    return next((path for path in candidates if path.is_file()), None)


def at_home(name: str, home: Path) -> Path:
    """
    The path that C{name} is, below C{home} where it begins with C{~/}.

    A shell leaves that alone in C{--config=~/x}, and so does systemd.
    """
    path = Path(name)
    return home.joinpath(*path.parts[1:]) if path.parts[:1] == ("~",) else path


def load(
    file: Path | None,
    environ: Mapping[str, str],
    sets: Iterable[str] = (),
    *,
    checks: Iterable[Callable[[Settings, Place], None]] = (),
) -> Settings:
    """
    Put the settings together.

    @param file: The TOML file, if there is one.
    @param environ: The environment; C{CHATMOCKD_SECTION__KEY} and ChatMock's names.
    @param sets: The C{section.key=value} words of C{--set}, in order.
    @param checks: What else may refuse them, with a L{ConfigError}.
    @raise ConfigError: With the source, the key and what is allowed there.
    """
    values: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    sources: _Sources = {}
    if file is not None:
        for section, keys in _read_file(file).items():
            values[section].update(keys)
            sources.update({(section, key): str(file) for key in keys})
    for source, section, key, value in (
        *from_chatmock(environ),
        *_from_environment(environ),
        *_from_sets(sets),
    ):
        values[section][key] = _from_text(source, section, key, value)
        sources[section, key] = source
    settings = msgspec.convert(values, Settings)
    _check(settings, sources)
    for check in checks:
        check(settings, partial(_place, sources))
    # Last: where it listens can be told of an endpoint description only.
    _check_exposure(settings, sources)
    return settings


def _read_file(file: Path) -> dict[str, dict[str, Any]]:
    try:
        # Some editors put a byte order mark before everything.
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
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
        if not equals or not dot or not section or not key:
            raise ConfigError(f"--set {word}: must look like section.key=value")
        yield f"--set {name}", section, key, value


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
        value = lowered in TRUE if lowered in TRUE | FALSE else text
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
        ("models", "refresh_interval_s"): 1,
        ("store", "retention_days"): 0.001,
        ("store", "max_bytes"): 1_048_576,
    }
    for (section, key), least in lowest.items():
        value = getattr(getattr(settings, section), key)
        if not least <= value < _HIGHEST:
            raise ConfigError(
                f"{_place(sources, section, key)}: must be at least {least} "
                f"(and below {_HIGHEST}), not {value}"
            )
    if settings.upstream.url and not _is_websocket_url(settings.upstream.url):
        raise ConfigError(
            f"{_place(sources, 'upstream', 'url')}: must look like "
            "wss://host[:port]/path, without user name or fragment"
        )
    if settings.continuity.mode == "retained":
        if settings.upstream.transport == "http":
            raise ConfigError(
                f'{_place(sources, "continuity", "mode")}: "retained" keeps '
                'conversations on WebSockets, and upstream.transport = "http" has '
                'none; allowed: "durable" or "off"'
            )
    for key in ("originator", "user_agent"):
        value = getattr(settings.upstream, key)
        if not (value.isascii() and (value.isprintable() or not value)):
            raise ConfigError(
                f"{_place(sources, 'upstream', key)}: must be printable ASCII, as it "
                "goes into a header"
            )
    if not _is_web_url(settings.account.issuer):
        raise ConfigError(
            f"{_place(sources, 'account', 'issuer')}: must look like "
            "https://host[:port], without user name or fragment"
        )
    place = PurePath(settings.store.path)
    if place.name in ("", "~", ".."):
        raise ConfigError(
            f"{_place(sources, 'store', 'path')}: must name a file, not "
            f"{settings.store.path!r}"
        )
    if place.parts[0].startswith("~") and place.parts[0] != "~":
        raise ConfigError(
            f"{_place(sources, 'store', 'path')}: {place.parts[0]!r} is not looked up; "
            "allowed: ~/… for your own home, or the whole path"
        )
    for section, key in (("store", "path"), ("upstream", "api_key_file")):
        if "\0" in getattr(getattr(settings, section), key):
            raise ConfigError(
                f"{_place(sources, section, key)}: must be a path, without NUL"
            )
    if not settings.account.client_id:
        raise ConfigError(f"{_place(sources, 'account', 'client_id')}: is empty")
    for host in settings.server.allowed_hosts:
        if not _is_host(host):
            raise ConfigError(
                f"{_place(sources, 'server', 'allowed_hosts')}: must be host names or "
                f"addresses, each without port and brackets, not {host!r}"
            )
    for origin in settings.server.allowed_origins:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigError(
                f"{_place(sources, 'server', 'allowed_origins')}: must be origins as "
                "browsers send them, scheme://host[:port] in small letters and with "
                f"nothing behind it, not {origin!r}"
            )


def _check_exposure(settings: Settings, sources: _Sources) -> None:
    """Refuse to be reached from elsewhere, unless that is meant."""
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


def _is_host(host: str) -> bool:
    """Whether a C{Host} header could have it, when its port is taken off."""
    try:
        ip_address(host)
    except ValueError:
        return _HOST_NAME.fullmatch(host) is not None
    return True


def _is_websocket_url(url: str) -> bool:
    return _is_url(url, "ws", "wss")


def _is_web_url(url: str) -> bool:
    return _is_url(url, "http", "https")


def _is_url(url: str, *schemes: str) -> bool:
    if not (url.isascii() and url.isprintable()) or " " in url or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in schemes
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
    )
