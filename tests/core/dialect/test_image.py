"""Images that do not say what they are."""

from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.image import image_part
from chatmockd.errors import InvalidRequest
from tests.core.cases import case


def encoded(image: bytes) -> str:
    """As clients send it."""
    return base64.b64encode(image).decode()


class ImageTests(SynchronousTestCase):
    """They are known by their first bytes."""

    def test_kinds(self) -> None:
        """With line breaks, or as an address that says something else."""
        for start, kind in (
            (b"\x89PNG\r\n\x1a\n", "png"),
            (b"\xff\xd8\xff\xe0", "jpeg"),
            (b"GIF87a", "gif"),
            (b"GIF89a", "gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        ):
            text = encoded(start + bytes(9))
            broken = "\r\n".join(text[i : i + 8] for i in range(0, len(text), 8))
            expected = {
                "type": "input_image",
                "image_url": f"data:image/{kind};base64,{text}",
            }
            for given in (text, broken, f"data:image/tiff;base64,{text}"):
                with case(kind=kind, given=given):
                    self.assertEqual(image_part(given, "images[0]"), expected)

    def test_no_images(self) -> None:
        """They are named by where they stand."""
        given: list[Any] = [
            None,
            5,
            ["x"],
            "",
            "data:",
            "é",
            "abc",
            "https://example.test/cat.png",
            encoded(b"no image"),
            encoded(b"\x89PNG"),
            encoded(b"RIFF\0\0\0\0WAVEfmt "),
            encoded(b"\x89PNG\r\n\x1a\n")[:-1],
        ]
        for each in given:
            with case(given=each):
                with self.assertRaises(InvalidRequest) as caught:
                    image_part(each, "images[7]")
                self.assertEqual(caught.exception.param, "images[7]")
