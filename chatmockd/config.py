"""TOML file, environment and C{--set} to one frozen L{Settings}, or one readable error.

Later sources win: defaults, file, environment, C{--set}. Values from the environment
and from C{--set} are text and become what the key's type says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from chatmockd.chatmock_names import from_chatmock
from chatmockd.settings import FALSE, TRUE, ConfigError, Listen, Section, Settings
from chatmockd.settings_rules import Complaint, complaints, exposure

# Which source gave a key, section and name, the value it has.
_Sources = dict[tuple[str, str], str]

# Where the value of a section's key was written, and that key: for a complaint.
Place = Callable[[str, str], str]

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
    place = partial(_place, sources)
    _refuse(complaints(settings), place)
    for check in checks:
        check(settings, place)
    # Last: where it listens can be told of an endpoint description only.
    _refuse(exposure(settings), place)
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


def _refuse(found: Iterable[Complaint], place: Place) -> None:
    """The first complaint is told; the others wait until that has been mended."""
    for section, key, words in found:
        raise ConfigError(f"{place(section, key)}: {words}")


def _place(sources: _Sources, section: str, key: str) -> str:
    """Where the value of a key was written, and the key."""
    source = sources.get((section, key), "defaults")
    return f"{source}: {section}.{key}"
