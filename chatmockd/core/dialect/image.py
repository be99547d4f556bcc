"""Images as base64, which do not say what they are, as parts of a message."""

from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Any

from chatmockd.core.dialect.reading import wrong_type, wrong_value

# What the models look at, by the first bytes of each.
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def image_part(encoded: Any, path: str) -> dict[str, Any]:
    """
    One image, as the upstream takes it.

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
    try:
        decoded = a2b_base64(text.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, Error):
        raise wrong_value(path, "it is not base64") from None
    kind = _kind(decoded)
    if kind is None:
        raise wrong_value(path, "it is no PNG, JPEG, GIF or WebP image")
    return {"type": "input_image", "image_url": f"data:{kind};base64,{text}"}


def _kind(image: bytes) -> str | None:
    for start, kind in _STARTS:
        if image.startswith(start):
            return kind
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return None
