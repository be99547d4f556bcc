"""What each profile refuses of an HTTP request, and its calls besides turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chatmockd.simulator.identity import Identity, sealed
from chatmockd.simulator.items import is_message_of, items_of, text_of, tokens_of
from chatmockd.simulator.refusal import Refused
from chatmockd.simulator.snapshot import usage_of

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def http_body(content: bytes) -> dict[str, Any]:
    """
    The JSON object that was posted.

    @raise Refused: It is none; the words are an invention.
    """
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refused(
            message=f"Could not parse the body as a JSON object: {problem}.",
            code="invalid_json",
        ) from None


def check_http(body: Mapping[str, Any], profile: str) -> None:
    """
    Refuse what this profile refuses over HTTP only.

    @raise Refused: With the body to answer.
    """
    if profile == "chatgpt":
        # Over a WebSocket leaving it out has worked; here it has not.
        if body.get("store") is not False:
            raise Refused(message="Store must be set to false", shape="detail")
        if body.get("stream") is not True:
            raise Refused(message="Stream must be set to true", shape="detail")
        if not isinstance(body.get("input"), list):
            raise Refused(message="Input must be a list", shape="detail")
        for name in ("previous_response_id", "generate", "stream_id", "type"):
            if name in body:
                raise Refused(message=f"Unsupported parameter: {name}", shape="detail")
        return
    for name in ("generate", "stream_id", "type"):
        if name in body:
            raise Refused(
                message=f"Unsupported parameter: {name}",
                code="unsupported_parameter",
                param=name,
            )


def compacted(body: Mapping[str, Any], profile: str, now: float) -> bytes:
    """
    The answer to C{POST .../compact}: what users said, and the rest sealed.

    @raise Refused: The ChatGPT backend takes no fields that make a turn.
    """
    if not isinstance(body.get("model"), str):
        raise Refused(
            message="Missing required parameter: 'model'.",
            code="missing_required_parameter",
            param="model",
        )
    if profile == "chatgpt":
        for name in ("store", "stream", "previous_response_id"):
            if name in body:
                raise Refused(message=f"Unsupported parameter: {name}", shape="detail")
    items = items_of(body.get("input"))
    identity = Identity(int(now))
    kept = [item for item in items if is_message_of(item, "user")]
    summary = {
        "id": identity.item_id("cmp"),
        "type": "compaction",
        "encrypted_content": sealed(" ".join(map(text_of, items))),
    }
    output = [*kept, summary]
    if profile == "chatgpt":
        return msgspec.json.encode({"output": output})
    spent = sum(map(tokens_of, items))
    return msgspec.json.encode(
        {
            "id": identity.response_id,
            "object": "response.compaction",
            "created_at": int(now),
            "output": output,
            "usage": usage_of(spent, cached=0, output_tokens=1, reasoning=0),
        }
    )


def counted(body: Mapping[str, Any]) -> bytes:
    """The answer to C{POST .../input_tokens}."""
    tokens = sum(map(tokens_of, items_of(body.get("input"))))
    return msgspec.json.encode(
        {"object": "response.input_tokens", "input_tokens": tokens}
    )
