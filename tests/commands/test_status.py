"""Exit statuses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.chatgpt import SignInAgain
from chatmockd.account.issuer import IssuerFailed, IssuerRefused
from chatmockd.account.login import PortTaken
from chatmockd.account.sign_in import SignInFailed
from chatmockd.commands.status import MEANINGS, status_of
from chatmockd.errors import CredentialsMissing, UpstreamUnreachable
from chatmockd.outbound import Unreachable
from chatmockd.settings import ConfigError
from tests.core.cases import case


class StatusTests(SynchronousTestCase):
    """Which problem ends how."""

    def test_each_problem(self) -> None:
        """Scripts can tell them apart."""
        for problem, status in (
            (ConfigError("m"), 78),
            (PortTaken("m"), 13),
            (SignInFailed("m"), 1),
            (IssuerRefused("u", 400, "invalid_grant"), 1),
            (CredentialsMissing("m"), 77),
            (SignInAgain("m"), 77),
            (IssuerFailed("m"), 75),
            (UpstreamUnreachable("h", "DNS", "no such host name"), 75),
            (Unreachable("m"), 75),
        ):
            with case(problem=problem):
                self.assertEqual(status_of(problem), status)
                self.assertIn(status, MEANINGS)

    def test_a_defect(self) -> None:
        """It is none of the user's problems."""
        self.assertIsNone(status_of(ZeroDivisionError()))
