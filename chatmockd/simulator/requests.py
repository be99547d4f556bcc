"""What clients send: the messages a server of the Responses API understands."""

from __future__ import annotations

from typing import Any

import msgspec

from chatmockd.simulator.refusal import Refused

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_request(payload: bytes, binary: bool) -> dict[str, Any]:
    """
    The JSON object in a message.

    What upstream answers to anything else is not known; the refusals are inventions.

    @raise Refused: It is not a JSON object with a C{type}.
    """
    if binary:
        raise Refused(message="Expected a text message.", code="invalid_message")
    try:
        request = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refused(
            message=f"Could not parse the message as a JSON object: {problem}.",
            code="invalid_json",
        ) from None
    if not isinstance(request.get("type"), str):
        raise Refused(
            message="Missing required parameter: 'type'.",
            code="missing_required_parameter",
            param="type",
        )
    return request


def reply_to_other(request: dict[str, Any], profile: str) -> dict[str, Any] | None:
    """
    The answer to a message that is no C{response.create}; C{None} for none.

    Steering and injecting are declined as upstream declines them for models without
    them.

    @raise Refused: The type is unknown. Invention again.
    """
    kind = request["type"]
    if kind == "response.steer":
        return {
            "type": "response.steer.failed",
            "steer": {
                "previous_response_id": request.get("previous_response_id"),
                "input": request.get("input"),
            },
            "error": {
                "type": "invalid_request_error",
                "code": "steering_not_supported",
                "message": "This model does not support steering.",
            },
            "sequence_number": 0,
        }
    if kind == "response.inject":
        return {
            "type": "response.inject.failed",
            "response_id": request.get("response_id"),
            "input": request.get("input"),
            "error": {
                "code": "response_not_found",
                "message": "The response was not found.",
            },
            "sequence_number": 0,
        }
    if kind == "response.processed" and profile == "chatgpt":
        return None
    raise Refused(
        message=f"Unknown message type '{kind}'.", code="invalid_value", param="type"
    )
