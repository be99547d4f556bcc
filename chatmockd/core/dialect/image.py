"""Images, and other files in base64, as parts of a message."""

from __future__ import annotations

from binascii import a2b_base64
from typing import Any
from urllib.parse import unquote

from chatmockd.core.dialect.reading import wrong_type, wrong_value

# What the models look at, by the first bytes of each.
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)

_LONGEST_HEAD = 128  # characters of a C{data:} address before its comma


def image_part(encoded: Any, path: str) -> dict[str, Any]:
    """
    One image of an Ollama client, which does not say what it is.

    @param encoded: Base64, with a C{data:} prefix or without.
    @param path: Where in the request it stands.
    @raise InvalidRequest: It is no image, or of a kind that no model looks at.
    """
    if not isinstance(encoded, str):
        raise wrong_type(path, "an image in base64")
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    # Some encoders break lines.
    text = "".join(encoded.split())
    kind = _kind(decoded(text, path))
    if kind is None:
        raise wrong_value(path, "it is no PNG, JPEG, GIF or WebP image")
    return {"type": "input_image", "image_url": f"data:{kind};base64,{text}"}


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
    lowered = head[:_LONGEST_HEAD].lower()
    if not (
        comma
        and len(head) <= _LONGEST_HEAD
        and lowered.startswith("data:image/")
        and lowered.endswith(";base64")
    ):
        raise wrong_value(
            path, "expected an http(s) URL, or 'data:image/…;base64,' with an image"
        )
    body = plain_base64(body)
    if _kind(decoded(body, path)) is None:
        raise wrong_value(path, "it is not an image (PNG, JPEG, WebP or GIF)")
    return f"{head},{body}"


def plain_base64(body: str) -> str:
    """C{body} without what clients do to base64 on its way through URLs."""
    if "%" in body:
        body = unquote(body)
    body = "".join(body.split()).replace("-", "+").replace("_", "/")
    return body + "=" * (-len(body) % 4)


def decoded(body: str, path: str) -> bytes:
    """
    What C{body} is the base64 of.

    @raise InvalidRequest: Of nothing.
    """
    try:
        return a2b_base64(body, strict_mode=True)
    except ValueError:
        # Also what other characters than those of ASCII lead to.
        raise wrong_value(path, "it is not base64") from None


def _kind(image: bytes) -> str | None:
    for start, kind in _STARTS:
        if image.startswith(start):
            return kind
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return None
