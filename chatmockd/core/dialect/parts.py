"""The parts of a chat message (text, images, files) as the Responses API has them."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

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

# How the images begin that the models take.
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
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


def image_url(url: str, path: str) -> str:
    """
    The address of an image that can be sent: C{http(s):}, or a sound C{data:}.

    @raise InvalidRequest: Nobody could see an image there.
    """
    scheme = url[:8].lower()
    if scheme.startswith(("http://", "https://")):
        if len(url) < 10 or any(character.isspace() for character in url):
            raise wrong_value(path, "it is not an address")
        return url
    head, comma, body = url.partition(",")
    lowered = head[:128].lower()
    if not (
        comma
        and len(head) <= 128
        and lowered.startswith("data:image/")
        and lowered.endswith(";base64")
    ):
        raise wrong_value(
            path, "expected an http(s) URL, or 'data:image/…;base64,' with an image"
        )
    body = _plain_base64(body)
    image = _decoded(body, path)
    if not image.startswith(_STARTS) and not (
        image[:4] == b"RIFF" and image[8:12] == b"WEBP"
    ):
        raise wrong_value(path, "it is not an image (PNG, JPEG, WebP or GIF)")
    return f"{head},{body}"


def _plain_base64(body: str) -> str:
    """C{body} without what clients do to base64 on its way through URLs."""
    if "%" in body:
        body = unquote(body)
    body = "".join(body.split()).replace("-", "+").replace("_", "/")
    return body + "=" * (-len(body) % 4)


def _decoded(body: str, path: str) -> bytes:
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except ValueError:
        raise wrong_value(path, "it is not base64") from None


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
        if not comma or not _decoded(_plain_base64(body), below(path, "file_data")):
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
