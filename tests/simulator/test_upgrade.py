"""Upgrades that are not answered with 101."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.faults import Faults
from chatmockd.simulator.upgrade import Ignore, Refusal, refusal_of


def _refusal(
    path: str = "/v1/responses",
    authorization: str = "",
    bearer: str | None = None,
    **faults: object,
) -> Refusal | Ignore | None:
    return refusal_of(
        path,
        {"authorization": authorization},
        Faults(**faults),  # type: ignore[arg-type]
        profile="openai",
        bearer=bearer,
    )


class RefusalOfTests(SynchronousTestCase):
    """Who may come in."""

    def test_welcome(self) -> None:
        """The right path; any token, unless one is demanded."""
        self.assertIsNone(_refusal())
        self.assertIsNone(_refusal(authorization="Bearer s", bearer="s"))

    def test_token(self) -> None:
        """Exactly this one."""
        for sent in ("", "Bearer", "Bearer x", "bearer s", "Bearer s ", "s"):
            refusal = _refusal(authorization=sent, bearer="s")
            assert isinstance(refusal, Refusal)
            self.assertEqual(refusal.status, 401)

    def test_tokens_that_somebody_vouches_for(self) -> None:
        """He is shown the token, and only that."""
        asked: list[str] = []

        def admits(token: str) -> bool:
            asked.append(token)
            return token == "good"

        for sent, status in (("Bearer good", None), ("Bearer bad", 401), ("good", 401)):
            refusal = refusal_of(
                "/v1/responses",
                {"authorization": sent},
                Faults(),
                profile="openai",
                bearer=None,
                admits=admits,
            )
            self.assertEqual(getattr(refusal, "status", None), status)
        self.assertEqual(asked, ["good", "bad"])

    def test_path(self) -> None:
        """Every other path is unknown, the other profile's too."""
        for path in ("/", "/v1/responses/", "/backend-api/codex/responses"):
            refusal = _refusal(path)
            assert isinstance(refusal, Refusal)
            self.assertEqual(refusal.status, 404)

    def test_faults(self) -> None:
        """A fault comes before everything else."""
        self.assertIsInstance(_refusal("/", never_answer=True), Ignore)
        refusal = _refusal("/", refuse=429)
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.status, 429)


class ToHttpTests(SynchronousTestCase):
    """The answer's bytes."""

    def test_default_body(self) -> None:
        """An error as OpenAI writes them, with its length."""
        head, _, body = (
            Refusal(429, headers={"retry-after": "7"}).to_http().partition(b"\r\n\r\n")
        )
        self.assertTrue(head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n"))
        self.assertIn(b"\r\nretry-after: 7\r\n", head)
        self.assertIn(b"\r\ncontent-length: %d\r\n" % len(body), head)
        error = msgspec.json.decode(body)["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual(error["code"], "rate_limit_exceeded")

    def test_own_body(self) -> None:
        """Or whatever is wanted, nothing included."""
        self.assertTrue(Refusal(403, body="").to_http().endswith(b"\r\n\r\n"))
        self.assertTrue(Refusal(599, body="no").to_http().endswith(b"\r\n\r\nno"))
