"""What a response object tells, whatever else may be in it."""

from __future__ import annotations

from typing import Any

import msgspec


class Told(msgspec.Struct):
    """A response object, as far as other APIs have anything like it."""

    id: Any = None
    status: Any = None
    created_at: Any = None
    model: Any = None
    output: Any = None
    usage: Any = None
    incomplete_details: Any = None
    service_tier: Any = None

    def name(self, prefix: str) -> str:
        """Its id with another prefix."""
        name = self.id if isinstance(self.id, str) else ""
        return prefix + name.removeprefix("resp_")

    def created(self, otherwise: int) -> int:
        """When it was begun, in Unix seconds."""
        at = self.created_at
        return int(at) if isinstance(at, int | float) else otherwise

    def model_name(self, otherwise: str) -> str:
        """The model, as the upstream calls it."""
        return self.model if isinstance(self.model, str) else otherwise

    def items(self) -> list[dict[str, Any]]:
        """Its output."""
        output = self.output if isinstance(self.output, list) else ()
        return [item for item in output if isinstance(item, dict)]

    @property
    def cut_off(self) -> str:
        """Why it is not complete; C{""} if that was not said."""
        details = self.incomplete_details
        reason = details.get("reason") if isinstance(details, dict) else None
        return reason if isinstance(reason, str) else ""

    def finish_reason(self, otherwise: str) -> str:
        """Why it ended, in the words of the chat API."""
        if self.cut_off == "max_output_tokens":
            return "length"
        return "content_filter" if self.cut_off == "content_filter" else otherwise

    def count(self, name: str) -> int:
        """A number out of its usage; 0 if it is not there."""
        return _count(self.usage, name)

    def usage_counts(self) -> dict[str, Any] | None:
        """Its usage, in the words of the chat API; None where nothing was counted."""
        usage = self.usage
        if not isinstance(usage, dict):
            return None
        asked, answered = self.count("input_tokens"), self.count("output_tokens")
        total = usage.get("total_tokens")
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": total if type(total) is int else asked + answered,
            "prompt_tokens_details": {
                "cached_tokens": _count(
                    usage.get("input_tokens_details"), "cached_tokens"
                ),
            },
            "completion_tokens_details": {
                "reasoning_tokens": _count(
                    usage.get("output_tokens_details"), "reasoning_tokens"
                ),
            },
        }


class _Carrier(msgspec.Struct):
    response: Told


_decode_told = msgspec.json.Decoder(Told).decode
_decode_carrier = msgspec.json.Decoder(_Carrier).decode


def told_in(frame: bytes) -> Told:
    """What the response object in an event tells; nothing, if there is none."""
    try:
        return _decode_carrier(frame).response
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Told()


def told_by(response: bytes) -> Told:
    """What a response object tells."""
    return _decode_told(response)


def texts_in(parts: Any, *names: str) -> list[str]:
    """The texts of an item's parts, under whichever of these names they are."""
    return [
        part[name]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict)
        for name in names
        if isinstance(part.get(name), str)
    ]


def _count(counts: Any, name: str) -> int:
    count = counts.get(name) if isinstance(counts, dict) else None
    return count if type(count) is int else 0
