"""The parts of a chat message (text, images, files) as the Responses API has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatmockd.core.dialect.image import decoded, image_url, plain_base64
from chatmockd.core.dialect.reading import (
    below,
    checked_mapping,
    checked_text,
    missing,
    needed_text,
    one_of,
    present,
    shortened,
    text,
    unsupported,
    wrong_value,
)
from chatmockd.errors import InvalidRequest

Part = dict[str, Any]

# People who speak both APIs mix up these three.
TEXTS = frozenset({"text", "input_text", "output_text"})

_DETAILS = frozenset({"auto", "low", "high", "original"})

_NO_AUDIO = "the Responses API takes no audio"


def input_parts(content: list[Any], path: str) -> list[Part]:
    """
    What a user, or a tool, says in several parts.

    @param path: Where C{content} is.
    @raise InvalidRequest: One of them is not what it claims to be.
    """
    if not content:
        raise wrong_value(path, "there must be at least one part")
    return [
        _input_part(checked_mapping(part, f"{path}[{index}]"), f"{path}[{index}]")
        for index, part in enumerate(content)
    ]


def _input_part(part: Mapping[str, Any], path: str) -> Part:
    kind = needed_text(part, "type", path)
    if kind in TEXTS:
        return {"type": "input_text", "text": said_in(part, path)}
    if kind in ("image_url", "input_image"):
        return _image(part, path)
    if kind in ("file", "input_file"):
        return _file(part, path)
    if kind == "input_audio":
        raise unsupported(below(path, "input_audio"), _NO_AUDIO)
    raise unknown_part(kind, path)


def said_in(part: Mapping[str, Any], path: str) -> str:
    """The text of a part of text."""
    value = part.get("text")
    if value is None:
        raise missing(below(path, "text"))
    return checked_text(value, below(path, "text"))


def unknown_part(kind: str, path: str) -> InvalidRequest:
    """There is no such kind of part here."""
    problem = f"'{shortened(kind)}' is no part that can stand here"
    return wrong_value(below(path, "type"), problem)


def _image(part: Mapping[str, Any], path: str) -> Part:
    path = below(path, "image_url")
    given = part.get("image_url")
    if given is None:
        raise missing(path)
    if isinstance(given, str):
        detail = one_of(part, "detail", _DETAILS, path)
        url = image_url(given, path)
    else:
        image = checked_mapping(given, path)
        detail = one_of(image, "detail", _DETAILS, path)
        url = image_url(needed_text(image, "url", path), below(path, "url"))
    return {"type": "input_image", "image_url": url, "detail": detail or "auto"}


def _file(part: Mapping[str, Any], path: str) -> Part:
    given: Mapping[str, Any] = part
    if part.get("type") == "file":
        path = below(path, "file")
        if part.get("file") is None:
            raise missing(path)
        given = checked_mapping(part["file"], path)
    content = text(given, "file_data", path)
    identity = text(given, "file_id", path)
    address = text(given, "file_url", path)
    if not (content or identity or address):
        raise missing(below(path, "file_data"))
    if content is not None and content[:5].lower() == "data:":
        _, comma, body = content.partition(";base64,")
        if not comma or not decoded(plain_base64(body), below(path, "file_data")):
            raise wrong_value(
                below(path, "file_data"), "expected 'data:…;base64,' with a file"
            )
    return {
        "type": "input_file",
        **present(
            file_data=content,
            file_id=identity,
            file_url=address,
            filename=text(given, "filename", path),
        ),
    }
