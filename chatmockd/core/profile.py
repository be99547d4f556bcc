"""What each kind of upstream accepts, forces, strips and refuses; what ends its socket.

Sources: OpenAI's guide to the WebSocket mode, Codex, and what proxies in front of the
ChatGPT backend found it to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Profile:
    """
    The rules of one kind of upstream.

    @ivar url: Where it is, unless C{upstream.url} says otherwise.
    @ivar headers: What the upgrade carries besides the credentials.
    @ivar http_headers: What an HTTP request carries besides them.
    @ivar compacts: It has C{POST .../compact}.
    @ivar counts_input: It has C{POST .../input_tokens}.
    @ivar forced: Request fields that have one permitted value.
    @ivar stripped: Request fields that it refuses, and a turn can do without.
    @ivar refused: Request fields which cannot be had, with the reason; dropping these
        would change what the client asked for.
    @ivar input_as_list: It takes C{input} as a list of items only.
    @ivar default_instructions: Sent where the client has none; C{""} sends none.
    @ivar dialect_summary: The C{reasoning.summary} that a dialect's request asks for,
        unless it says otherwise; C{""} asks for none.
    @ivar dialect_include: What it has included in its response.
    @ivar error_ends_connection: After an C{error} event the socket serves no turn more.
    """

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    http_headers: Mapping[str, str] = field(default_factory=dict)
    compacts: bool = True
    counts_input: bool = True
    forced: Mapping[str, Any] = field(default_factory=dict)
    stripped: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    input_as_list: bool = False
    default_instructions: str = ""
    dialect_summary: str = ""
    dialect_include: tuple[str, ...] = ()
    error_ends_connection: bool = False


_NO_LANES = "one HTTP request is one turn; lanes exist on WebSockets only"

OPENAI = Profile(
    name="openai",
    url="wss://api.openai.com/v1/responses",
    refused={"stream_id": _NO_LANES},
)

CHATGPT = Profile(
    name="chatgpt",
    url="wss://chatgpt.com/backend-api/codex/responses",
    headers={"OpenAI-Beta": "responses_websockets=2026-02-06"},
    http_headers={"OpenAI-Beta": "responses=experimental"},
    counts_input=False,
    forced={"store": False},
    stripped=frozenset(
        {
            "max_output_tokens",
            "metadata",
            "prompt_cache_retention",
            "safety_identifier",
            "stream_options",
            "temperature",
            "top_p",
            "truncation",
            "user",
        }
    ),
    refused={"stream_id": _NO_LANES},
    # Its HTTP twin answers a string with "Input must be a list".
    input_as_list=True,
    # Whether it demands instructions is disputed; it accepts these.
    default_instructions="You are a helpful assistant.",
    # All its models reason, and it stores nothing: without the encrypted content no
    # conversation could be continued on another connection.
    dialect_summary="auto",
    dialect_include=("reasoning.encrypted_content",),
    error_ends_connection=True,
)

_NO_SOCKET = "the upstream is called over HTTP, which has no such thing"


def over_http(profile: Profile) -> Profile:
    """The rules of the same upstream for turns that it gets over HTTP."""
    refused = {**profile.refused, "generate": _NO_SOCKET}
    return replace(profile, refused=refused)


PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (OPENAI, CHATGPT)
}
