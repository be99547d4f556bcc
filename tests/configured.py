"""Settings from a file, the environment and C{--set}, or the complaint about them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.config import ConfigError, load
from chatmockd.settings import Settings


class ConfigCase(SynchronousTestCase):
    """A folder for files."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "chatmockd.toml"

    def load(
        self, text: str | bytes | None = None, *sets: str, **environ: str
    ) -> Settings:
        """The settings from a file with this text, and from these others."""
        if text is None:
            return load(None, environ, sets)
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(self.file, environ, sets)

    def complaint(
        self, text: str | bytes | None = None, *sets: str, **environ: str
    ) -> str:
        """What is said about these, in one line."""
        error = self.assertRaises(ConfigError, self.load, text, *sets, **environ)
        words = str(error)
        self.assertEqual(words.splitlines(), [words])
        return words
