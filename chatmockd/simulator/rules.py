"""What each profile refuses in a C{response.create}, and in which words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chatmockd.simulator.refusal import Refused

PROFILES = ("openai", "chatgpt")

# The proxies in front of the ChatGPT backend strip these because it refuses them.
UNSUPPORTED_BY_CHATGPT = (
    "max_output_tokens",
    "metadata",
    "prompt_cache_retention",
    "safety_identifier",
    "temperature",
    "top_p",
    "truncation",
    "user",
    "stream_options",
)

_LANE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")


class HangUp(Exception):
    """The ChatGPT backend closes with 1000 and without an event for some requests."""


def lane_of(body: Mapping[str, Any], profile: str) -> str | None:
    """
    The lane on which the request wants to run; C{None} for the default one.

    @raise Refused: The name is impossible, or the profile knows no lanes.
    """
    lane = body.get("stream_id")
    if lane is None:
        return None
    if profile == "chatgpt":
        raise Refused(message="Unsupported parameter: stream_id", spare=True)
    if not isinstance(lane, str) or not _LANE_NAME.fullmatch(lane):
        raise Refused(
            message="Invalid 'stream_id': expected 1 to 256 letters, digits, "
            "underscores, dots or hyphens.",
            code="invalid_stream_id",
            param="stream_id",
        )
    return lane


def check(body: Mapping[str, Any], profile: str) -> None:
    """
    Refuse what this profile refuses.

    @raise Refused: With the frame to answer.
    @raise HangUp: The connection is closed without an answer.
    """
    if not isinstance(body.get("model"), str) or not body["model"]:
        # Invention: nobody recorded what a missing model is answered with.
        raise Refused(
            message="Missing required parameter: 'model'.",
            code="missing_required_parameter",
            param="model",
        )
    if body.get("background"):
        raise Refused(
            message="Unsupported parameter: background",
            code="unsupported_parameter",
            param="background",
        )
    if profile == "chatgpt":
        _check_chatgpt(body)
    else:
        _check_openai(body)
    _check_strict_schemas(body, profile)


def _check_chatgpt(body: Mapping[str, Any]) -> None:
    # Leaving store out has worked over WebSocket; only true is refused.
    if body.get("store"):
        raise Refused(message="Store must be set to false", shape="detail")
    for name in UNSUPPORTED_BY_CHATGPT:
        if name in body:
            raise Refused(message=f"Unsupported parameter: {name}", shape="detail")


def _check_openai(body: Mapping[str, Any]) -> None:
    for name, most in (("temperature", 2), ("top_p", 1)):
        value = body.get(name)
        if not isinstance(value, int | float) or 0 <= value <= most:
            continue
        sign, relation = (
            ("below minimum", ">= 0")
            if value < 0
            else (
                "above maximum",
                f"<= {most}",
            )
        )
        raise Refused(
            message=f"Invalid '{name}': decimal {sign} value. "
            f"Expected a value {relation}, but got {value} instead.",
            code=f"decimal_{'below_min' if value < 0 else 'above_max'}_value",
            param=name,
        )


def _check_strict_schemas(body: Mapping[str, Any], profile: str) -> None:
    tools = body.get("tools")
    for place, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and tool.get("strict") is True:
            wrong = _not_strict(tool.get("parameters"), ())
            if wrong:
                if profile == "chatgpt":
                    raise HangUp
                raise Refused(
                    message=f"Invalid schema for function '{tool.get('name')}': "
                    f"{wrong}",
                    code="invalid_function_parameters",
                    param=f"tools[{place}].parameters",
                )
    text = body.get("text")
    chosen = text.get("format") if isinstance(text, dict) else None
    if isinstance(chosen, dict) and chosen.get("strict") is True:
        wrong = _not_strict(chosen.get("schema"), ())
        if wrong:
            if profile == "chatgpt":
                raise HangUp
            raise Refused(
                message=f"Invalid schema for response_format '{chosen.get('name')}': "
                f"{wrong}",
                code="invalid_json_schema",
                param="text.format.schema",
            )


def _not_strict(schema: object, path: tuple[str, ...]) -> str | None:
    """What keeps C{schema} from being a strict one; C{None} when nothing does."""
    if not isinstance(schema, dict):
        return None
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        if schema.get("additionalProperties") is not False:
            return (
                f"In context={path}, 'additionalProperties' is required to be "
                "supplied and to be false."
            )
        missing = set(properties or ()) - set(schema.get("required") or ())
        if missing:
            return (
                f"In context={path}, 'required' is required to be supplied and to be "
                f"an array including every key in properties. Missing '"
                f"{min(missing)}'."
            )
    for name, part in (properties or {}).items():
        wrong = _not_strict(part, (*path, "properties", str(name)))
        if wrong:
            return wrong
    for name in ("$defs", "definitions"):
        for key, part in (schema.get(name) or {}).items():
            wrong = _not_strict(part, (*path, name, str(key)))
            if wrong:
                return wrong
    for place, part in enumerate(schema.get("anyOf") or ()):
        wrong = _not_strict(part, (*path, "anyOf", str(place)))
        if wrong:
            return wrong
    return _not_strict(schema.get("items"), (*path, "items"))
