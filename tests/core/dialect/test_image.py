"""Images, in base64 or behind an address."""

from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.image import image_part, image_url
from chatmockd.errors import InvalidRequest
from tests.core.cases import case

PNG = b"\x89PNG\r\n\x1a\nrest"

# How each kind begins.
KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff\xe0", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
)


def encoded(image: bytes) -> str:
    """As clients send it."""
    return base64.b64encode(image).decode()


class ImageTests(SynchronousTestCase):
    """They are known by their first bytes."""

    def test_kinds(self) -> None:
        """With line breaks, or as an address that says something else."""
        for start, kind in KINDS:
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
        """They are named by where they stand, with what is wrong about them."""
        text = "Invalid type for 'images[7]': expected an image in base64."
        base64 = "Invalid value for 'images[7]': it is not base64."
        kind = "Invalid value for 'images[7]': it is no PNG, JPEG, GIF or WebP image."
        given: list[tuple[Any, str]] = [
            (None, text),
            (5, text),
            (["x"], text),
            ("", kind),
            ("data:", kind),
            ("é", base64),
            ("abc", base64),
            ("aGk", base64),
            ("iVBORw0KGgpy_-8=", base64),
            ("iVBORw0KGgpyZXN0eA%3D%3D", base64),
            ("https://example.test/cat.png", base64),
            (encoded(b"no image"), kind),
            (encoded(b"\x89PNG"), kind),
            (encoded(b"RIFF\0\0\0\0WAVEfmt "), kind),
            (encoded(b"\x89PNG\r\n\x1a\n")[:-1], base64),
        ]
        for each, message in given:
            with case(given=each):
                with self.assertRaises(InvalidRequest) as caught:
                    image_part(each, "images[7]")
                self.assertEqual(caught.exception.param, "images[7]")
                self.assertEqual(str(caught.exception), message)


class AddressTests(SynchronousTestCase):
    """Images that stand in an address, or behind one."""

    def test_addresses(self) -> None:
        """Of the web as they are; images in them as strict base64."""
        png = encoded(PNG)
        data = "data:image/png;base64,"
        for given, url in (
            ("https://example.test/cat.png", "https://example.test/cat.png"),
            ("HTTP://example.test/", "HTTP://example.test/"),
            (f"{data}{png}", f"{data}{png}"),
            # The head is the client's own, whatever the image is.
            (f"DATA:image/x;a=b;base64,{png}", f"DATA:image/x;a=b;base64,{png}"),
            (f"{data}iVBORw0KGgpy\nZXN0eA%3D%3D", f"{data}iVBORw0KGgpyZXN0eA=="),
            (f"{data}iVBORw0KGgpyZXN0eA", f"{data}iVBORw0KGgpyZXN0eA=="),
            (f"{data}iVBORw0KGgpy_-8=", f"{data}iVBORw0KGgpy/+8="),
        ):
            with case(given=given):
                self.assertEqual(image_url(given, "url"), url)

    def test_kinds(self) -> None:
        """The same as those that do not say what they are."""
        for start, kind in KINDS:
            url = f"data:image/{kind};base64,{encoded(start + bytes(9))}"
            with case(kind=kind):
                self.assertEqual(image_url(url, "url"), url)

    def test_no_images(self) -> None:
        """They are named by where they stand, with what is wrong about them."""
        path = "messages[0].content[2].image_url.url"
        start = f"Invalid value for '{path}': "
        scheme = "expected an http(s) URL, or 'data:image/…;base64,' with an image."
        base64, kind = (
            "it is not base64.",
            "it is not an image (PNG, JPEG, WebP or GIF).",
        )
        png = encoded(PNG)
        for given, problem in (
            ("", scheme),
            ("https:/", scheme),
            ("https://", "it is not an address."),
            ("https://exa mple.com", "it is not an address."),
            ("ftp://example.com/a.png", scheme),
            ("file:///etc/passwd", scheme),
            (png, scheme),
            (f"data:text/plain;base64,{png}", scheme),
            (f"data:image/png,{png}", scheme),
            (f"data:image/{'x' * 128};base64,{png}", scheme),
            ("data:image/png;base64", scheme),
            ("data:image/png;base64,", kind),
            ("data:image/png;base64,!!!!", base64),
            ("data:image/png;base64,é", base64),
            ("data:image/png;base64,aGVsbG8", kind),
            ("data:image/webp;base64," + encoded(b"RIFF1234WAVEfmt "), kind),
        ):
            with case(given=given):
                with self.assertRaises(InvalidRequest) as caught:
                    image_url(given, path)
                self.assertEqual(caught.exception.param, path)
                self.assertEqual(str(caught.exception), start + problem)
