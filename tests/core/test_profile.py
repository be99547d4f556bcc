"""What is known of each kind of upstream."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.profile import CHATGPT, OPENAI, PROFILES
from tests.core.cases import case


class ProfilesTests(SynchronousTestCase):
    """The two that there are."""

    def test_by_name(self) -> None:
        """The names are those of C{upstream.profile}."""
        self.assertEqual(dict(PROFILES), {"openai": OPENAI, "chatgpt": CHATGPT})

    def test_where_they_are(self) -> None:
        """Both are reached over TLS, at the path that answers a POST as well."""
        self.assertEqual(OPENAI.url, "wss://api.openai.com/v1/responses")
        self.assertEqual(CHATGPT.url, "wss://chatgpt.com/backend-api/codex/responses")

    def test_after_an_error(self) -> None:
        """ChatGPT's backend serves no turn more on a connection that had an error."""
        self.assertTrue(CHATGPT.error_ends_connection)
        self.assertFalse(OPENAI.error_ends_connection)

    def test_rules_do_not_contradict(self) -> None:
        """A field is forced, stripped or refused, and never two of these."""
        for profile in PROFILES.values():
            with case(profile=profile.name):
                rules = [*profile.forced, *profile.stripped, *profile.refused]
                self.assertEqual(len(rules), len(set(rules)))
                self.assertFalse({"model", "input", "tools"} & set(rules))
