"""What signs us in upstream, and what is said when there is nothing to sign in with."""

from __future__ import annotations

from pathlib import Path

from chatmockd.account.tokens import ApiKey, FixedKey
from tests.account.home import INJECTIONS, SECRET, CredentialsCase
from tests.core.cases import case


class FixedKeyTests(CredentialsCase):
    """A key that is known from the start."""

    def test_bearer(self) -> None:
        """It is the bearer."""
        self.assertEqual(
            self.of(FixedKey("k").headers()), {"Authorization": "Bearer k"}
        )

    def test_there_is_no_other(self) -> None:
        """A key that is refused stays refused."""
        key = FixedKey("k")
        self.assertIsNone(self.of(key.renewed(self.of(key.headers()))))

    def test_injection(self) -> None:
        """It cannot bring a header of its own."""
        for key in INJECTIONS:
            with case(key=key):
                self.assertIn("fixed key", self.complaint(FixedKey(key)))


class ApiKeyTests(CredentialsCase):
    """An OpenAI key, from a file or from the environment."""

    def setUp(self) -> None:
        super().setUp()
        self.file = self.home / "key"

    def test_from_the_environment(self) -> None:
        """Blanks around it are not part of it."""
        credentials = ApiKey("", {"OPENAI_API_KEY": f" {SECRET}\n"})
        self.assertEqual(
            self.of(credentials.headers()), {"Authorization": f"Bearer {SECRET}"}
        )

    def test_a_file_comes_first(self) -> None:
        """Whoever names a file means it."""
        self.file.write_text(f"{SECRET}\n")
        credentials = ApiKey(str(self.file), {"OPENAI_API_KEY": "other"})
        self.assertEqual(
            self.of(credentials.headers()), {"Authorization": f"Bearer {SECRET}"}
        )

    def test_read_at_use(self) -> None:
        """A new key takes effect without a restart."""
        environ = {"OPENAI_API_KEY": "one"}
        from_file, from_environ = ApiKey(str(self.file), {}), ApiKey("", environ)
        self.assertIn(str(self.file), self.complaint(from_file))
        for key in ("one", "two"):
            self.file.write_text(key)
            environ["OPENAI_API_KEY"] = key
            for credentials in (from_file, from_environ):
                expected = {"Authorization": f"Bearer {key}"}
                self.assertEqual(self.of(credentials.headers()), expected)

    def test_a_key_that_is_refused(self) -> None:
        """Only one that was put in its place is tried."""
        self.file.write_text("one")
        credentials = ApiKey(str(self.file), {})
        refused = self.of(credentials.headers())
        self.assertIsNone(self.of(credentials.renewed(refused)))
        self.file.write_text("two")
        expected = {"Authorization": "Bearer two"}
        self.assertEqual(self.of(credentials.renewed(refused)), expected)

    def test_there_is_none(self) -> None:
        """The answer says where one could be put."""
        self.file.write_text(" \n")
        for credentials in (
            ApiKey("", {}),
            ApiKey("", {"OPENAI_API_KEY": "  "}),
            ApiKey(str(self.file), {"OPENAI_API_KEY": SECRET}),
        ):
            words = self.complaint(credentials)
            self.assertIn("OPENAI_API_KEY", words)
            self.assertIn("upstream.api_key_file", words)

    def test_broken_files(self) -> None:
        """The answer names the file and what is wrong with it."""
        (self.home / "folder").mkdir()
        (self.home / "binary").write_bytes(b"\xff" + SECRET.encode())
        for name, problem in (
            ("nowhere", "No such file or directory"),
            ("folder", "Is a directory"),
            ("binary", "not text"),
        ):
            with case(name=name):
                words = self.complaint(ApiKey(str(self.home / name), {}))
                self.assertIn(str(self.home / name), words)
                self.assertIn(problem, words)

    def test_injection(self) -> None:
        """Neither source can bring a header of its own."""
        for key in INJECTIONS:
            with case(key=key):
                if key.strip() != SECRET:
                    words = self.complaint(ApiKey("", {"OPENAI_API_KEY": key}))
                    self.assertIn("OPENAI_API_KEY contains", words)
                    self.file.write_text(key, newline="")
                    words = self.complaint(ApiKey(str(self.file), {}))
                    self.assertIn(f"{self.file} contains", words)

    def test_where_the_file_is(self) -> None:
        """The daemon may change its directory; the file does not move."""
        self.assertIn(str(Path("key").absolute()), self.complaint(ApiKey("key", {})))
        self.assertIn(str(Path.home() / "kéy"), self.complaint(ApiKey("~/kéy", {})))
        nobodys = "~no-such-user-here/key"
        self.assertIn(f"{nobodys} (upstream", self.complaint(ApiKey(nobodys, {})))
