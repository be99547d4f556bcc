"""Client JSON to a checked C{response.create}, parsed once and encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from chatmockd.core.profile import Profile
from chatmockd.errors import InvalidRequest, PreviousResponseNotFound

MAX_DEPTH = 64  # nested arrays and objects; what people send has about ten

# More than any conversation that fits a model has, and what is decoded within a second.
# Brackets and commas in texts count, too: looking closer would cost more than decoding.
MAX_CONTAINERS = 500_000
MAX_COMMAS = 1_000_000

_LONGEST_MARKER = 512  # characters; ids have about sixty

# Top-level fields that are about the HTTP request and mean nothing on a WebSocket.
_HTTP_ONLY = ("type", "stream", "background", "previous_response_id")


class Create:
    """
    One checked request for a turn.

    @ivar streaming: The client wants server-sent events.
    @ivar marker: The C{previous_response_id} it follows up on, trimmed, or None.
    @ivar background: It wants an answer at once, and the response later.
    @ivar stores: It may be kept; C{store: false} asks for the contrary.
    @ivar adjusted: Names of the fields that the profile changed, for the client to see.
    """

    __slots__ = (
        "_fields",
        "adjusted",
        "background",
        "marker",
        "stores",
        "streaming",
    )

    def __init__(
        self,
        fields: dict[str, Any],
        *,
        streaming: bool,
        marker: str | None,
        background: bool,
        stores: bool,
        adjusted: tuple[str, ...],
    ) -> None:
        self._fields = fields
        self.streaming = streaming
        self.background = background
        self.stores = stores
        self.marker = marker
        self.adjusted = adjusted

    @property
    def model(self) -> str:
        """The model's name as the client wrote it, or an empty string."""
        model = self._fields.get("model")
        return model if isinstance(model, str) else ""

    @property
    def given(self) -> Any:
        """Its C{input}: None, a text or a list of items."""
        return self._fields.get("input")

    def fields(self, *names: str) -> dict[str, Any]:
        """Those of these fields that it has, as they go upstream."""
        return {name: self._fields[name] for name in names if name in self._fields}

    def as_frame(self, marker: str | None, items: Sequence[Any] | None = None) -> bytes:
        """
        The upstream message: flat, C{{"type": "response.create", ...}}.

        @param items: What to send as C{input} instead of what the client gave.
        """
        message: dict[str, Any] = {"type": "response.create"}
        if marker is not None:
            message["previous_response_id"] = marker
        message.update(self._fields)
        if items is not None:
            message["input"] = items
        return msgspec.json.encode(message)

    def as_body(
        self, marker: str | None, items: Sequence[Any] | None = None, *, without: str
    ) -> bytes:
        """
        The body of a call that is no turn.

        @param items: What to send as C{input} instead of what the client gave.
        @param without: A field that means something to turns only.
        """
        body = {name: value for name, value in self._fields.items() if name != without}
        if marker is not None:
            body["previous_response_id"] = marker
        if items is not None:
            body["input"] = items
        return msgspec.json.encode(body)


def read_create(body: bytes, profile: Profile, *, keeps: bool = False) -> Create:
    """
    Check what a client sent to C{POST /v1/responses}.

    @param body: The JSON of the request.
    @param keeps: Whether responses are kept here, so that one can be asked for later.
    @raise InvalidRequest: It cannot be sent upstream; the message says what is wrong
        with which field.
    """
    return check_create(decode_object(body), profile, keeps=keeps)


def check_create(
    fields: dict[str, Any], profile: Profile, *, keeps: bool = False
) -> Create:
    """See L{read_create}; C{fields} is the decoded object, which it takes over."""
    streaming = _boolean(fields, "stream")
    background = _boolean(fields, "background")
    stores = fields.get("store") is None or _boolean(fields, "store")
    if background and not keeps:
        raise InvalidRequest(
            "Unsupported parameter: 'background'. A turn can run in the background "
            'only where responses are kept (continuity.mode = "durable").',
            param="background",
            code="unsupported_parameter",
        )
    if background and not stores:
        raise InvalidRequest(
            "'background' and 'store: false' exclude each other: what is not kept "
            "cannot be asked for later.",
            param="background",
            code="invalid_value",
        )
    for name, reason in profile.refused.items():
        if fields.get(name) is not None:
            raise InvalidRequest(
                f"Unsupported parameter: '{name}': {reason}.",
                param=name,
                code="unsupported_parameter",
            )
    marker = fields.get("previous_response_id")
    marker = marker.strip() or None if isinstance(marker, str) else None
    if marker is not None and len(marker) > _LONGEST_MARKER:
        raise PreviousResponseNotFound(f"{marker[:64]}…")
    if marker is not None and fields.get("conversation") is not None:
        # The upstream would say so, if it saw the marker: a rebuilt turn has none.
        raise InvalidRequest(
            "'previous_response_id' and 'conversation' exclude each other: each stands "
            "for what was said before.",
            param="conversation",
            code="mutually_exclusive_parameters",
        )
    for name in _HTTP_ONLY:
        fields.pop(name, None)
    _check_model(fields)
    _check_input(fields)
    adjusted = _adjust(fields, profile, keeps)
    if background and fields.pop("background_options", None) is not None:
        # When it runs, and at what price: upstream it is a turn like any other.
        adjusted = tuple(sorted((*adjusted, "background_options")))
    return Create(
        fields,
        streaming=streaming,
        marker=marker,
        background=background,
        stores=stores,
        adjusted=adjusted,
    )


def check_message(
    fields: dict[str, Any], profile: Profile, *, keeps: bool = False
) -> Create:
    """
    Check what a WebSocket client sent; see L{check_create}.

    C{stream} makes no difference there: a response is always streamed.

    @raise InvalidRequest: Also when the message is no C{response.create}.
    """
    kind = fields.get("type")
    if kind != "response.create":
        said = "missing" if kind is None else "unknown"
        raise InvalidRequest(
            f"The message's type is {said}; expected 'response.create'.",
            param="type",
            code="invalid_value",
        )
    if fields.get("background") is True:
        raise InvalidRequest(
            "Unsupported parameter: 'background'. Over a WebSocket a response is "
            "always streamed.",
            param="background",
            code="unsupported_parameter",
        )
    fields["stream"] = True
    return check_create(fields, profile, keeps=keeps)


def decode_object(body: bytes) -> dict[str, Any]:
    """
    The JSON object in C{body}.

    @raise InvalidRequest: It is none, or one that would take too long to deal with.
    """
    if not body or body.isspace():
        raise InvalidRequest("The body is empty; it must be a JSON object.")
    containers = body.count(b"{") + body.count(b"[")
    if containers > MAX_CONTAINERS or body.count(b",") > MAX_COMMAS:
        raise InvalidRequest("The body has more members than can be sent at once.")
    try:
        fields = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not UTF-8.") from None
    except msgspec.DecodeError as problem:
        raise InvalidRequest(f"The body is not valid JSON: {problem}") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(fields, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if containers > MAX_DEPTH and _deeper_than(fields, MAX_DEPTH):
        raise _too_deep()
    return fields


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _deeper_than(container: Any, levels: int) -> bool:
    """Whether C{container}, a list or a dict, has more nested levels than these."""
    if levels == 0:
        return True
    values = container.values() if type(container) is dict else container
    for value in values:
        kind = type(value)
        if (kind is dict or kind is list) and _deeper_than(value, levels - 1):
            return True
    return False


def _boolean(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidRequest(
        f"Invalid type for '{name}': expected a boolean.",
        param=name,
        code="invalid_type",
    )


def _check_model(fields: dict[str, Any]) -> None:
    model = fields.get("model")
    if model is None and fields.get("prompt") is not None:
        return  # a stored prompt may name the model
    if model is None:
        raise InvalidRequest(
            "Missing required parameter: 'model'.",
            param="model",
            code="missing_required_parameter",
        )
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest(
            "Invalid type for 'model': expected the name of a model.",
            param="model",
            code="invalid_type",
        )


def _check_input(fields: dict[str, Any]) -> None:
    given = fields.get("input")
    if isinstance(given, dict):
        fields["input"] = [given]
    elif isinstance(given, list):
        for index, item in enumerate(given):
            if not isinstance(item, dict):
                raise InvalidRequest(
                    f"Invalid type for 'input[{index}]': expected an object.",
                    param=f"input[{index}]",
                    code="invalid_type",
                )
    elif given is not None and not isinstance(given, str):
        raise InvalidRequest(
            "Invalid type for 'input': expected a string, an item or a list of items.",
            param="input",
            code="invalid_type",
        )


def _adjust(fields: dict[str, Any], profile: Profile, keeps: bool) -> tuple[str, ...]:
    """Apply the profile to C{fields}, in place; name what the client will miss."""
    adjusted = []
    for name in profile.stripped & fields.keys():
        if fields.pop(name) is not None:
            adjusted.append(name)
    for name, value in profile.forced.items():
        # What the upstream will not store is stored here, where responses are kept.
        if fields.get(name) not in (None, value) and not (keeps and name == "store"):
            adjusted.append(name)
        fields[name] = value
    if profile.default_instructions:
        instructions = fields.get("instructions")
        if instructions is None or instructions == "":
            fields["instructions"] = profile.default_instructions
            adjusted.append("instructions")
    if profile.input_as_list and isinstance(fields.get("input"), str):
        fields["input"] = [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": fields["input"]}],
            }
        ]
    return tuple(sorted(adjusted))
