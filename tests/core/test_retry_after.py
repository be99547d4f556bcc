"""L{chatmockd.core.retry_after}."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.retry_after import retry_after
from tests.core.cases import case

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


class RetryAfterTests(SynchronousTestCase):
    """What a client is advised to wait."""

    def test_seconds(self) -> None:
        """As a number, or as text; C{Date} makes no difference to them."""
        for said, seconds in ((0, 0), (5, 5), ("5", 5), (" 7 ", 7), ("1.5", 1.5)):
            with case(said=said):
                self.assertEqual(retry_after(said), seconds)
                self.assertEqual(retry_after(said, DATE), seconds)

    def test_a_date_against_the_answers_own(self) -> None:
        """In each of the forms that HTTP has; one that is past means now."""
        for said, seconds in (
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
            ("Sun Nov  6 09:49:37 1994", 3600),
            (" Mon, 07 Nov 1994 08:49:37 GMT ", 86_400),
            (DATE, 0),
            ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
        ):
            with case(said=said):
                self.assertEqual(retry_after(said, DATE), seconds)

    def test_a_date_alone(self) -> None:
        """How far off it is cannot be told, so the client gets the date."""
        for date in (None, "", "today", 5):
            with case(date=date):
                self.assertEqual(retry_after(f" {DATE}", date), DATE)

    def test_no_advice(self) -> None:
        """What is neither, and what is months away."""
        for said in (
            None,
            "",
            "soon",
            -1,
            "inf",
            "NaN",
            1e30,
            10**400,
            [],
            {},
            "Sun, 06 Nov 1995 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT\r\nx: y",
        ):
            with case(said=said):
                self.assertIsNone(retry_after(said, DATE))

    @settings(deadline=None)
    @given(st.text(), st.text())
    def test_any_text(self, said: str, date: str) -> None:
        """Nothing that an upstream writes is our mistake."""
        retry_after(said, date)
        retry_after(f"Sun, {said:.20}", DATE)

    @settings(deadline=None)
    @given(st.from_regex(r"[A-Z][a-z]{2,8},? [A-Za-z0-9: -]{15,24}", fullmatch=True))
    def test_what_looks_like_a_date(self, said: str) -> None:
        """Days and months that there are none of."""
        retry_after(said, DATE)
        retry_after(DATE, said)
