"""Whether an endpoint description would let other machines in."""

from __future__ import annotations

from ipaddress import ip_address

# Where the interface stands when it is not named (twisted.internet.endpoints).
_INTERFACE_POSITION = {"tcp": 1, "tcp6": 2, "ssl": 4}


def beyond_loopback(description: str) -> str | None:
    """
    Why a listening endpoint is not known to stay on this machine; None when it is.

    @param description: What C{twisted.internet.endpoints.serverFromString} takes.
    """
    kind, *words = _split(description)
    if kind == "unix":
        return None
    if kind == "systemd":
        # Its address is known only once systemd has handed it over; it is checked then.
        return None
    if kind not in _INTERFACE_POSITION:
        return f"is of the kind {kind!r}, which may listen anywhere"
    interface = ""
    position = 0
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            if name == "interface":
                interface = value
        else:
            if position == _INTERFACE_POSITION[kind]:
                interface = word
            position += 1
    if is_loopback(interface):
        return None
    if not interface:
        return "listens on all interfaces"
    return f"listens on {interface}"


def port_of(description: str) -> int:
    """The port number in a TCP endpoint's description; 0 where there is none."""
    kind, *words = _split(description)
    if kind not in _INTERFACE_POSITION:
        return 0
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name == "port":
            number = value if equals else name
            return int(number) if number.isdecimal() else 0
    return 0


def is_loopback(host: str) -> bool:
    """Whether C{host}, a name or an address, can only be this machine."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _split(description: str) -> list[str]:
    """The parts between colons; a backslash takes the next character as it is."""
    parts = [""]
    characters = iter(description)
    for character in characters:
        if character == "\\":
            parts[-1] += next(characters, "")
        elif character == ":":
            parts.append("")
        else:
            parts[-1] += character
    return parts
