"""What C{pip} makes of the tree: a wheel with the daemon and its plugin in it."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path
from typing import ClassVar

from tests.end_to_end.place import EXIT_CONFIG, ROOT, TWISTD, Place

_NEVER_TRACKED = shutil.ignore_patterns(
    ".*",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "*.egg-info",
    "dropin.cache",
    "_trial_temp*",
)


def _copy_of_the_tree(target: Path) -> None:
    """The files which are or would be tracked; builds leave traces in their tree."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        shutil.copytree(ROOT, target, ignore=_NEVER_TRACKED)
        return
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def _setuptools() -> int:
    try:
        return int(importlib.metadata.version("setuptools").partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return 0


@unittest.skipIf(_setuptools() < 77, "the build needs setuptools 77 or newer")
class WheelTests(unittest.TestCase):
    """The wheel, and what is installed from it."""

    place: ClassVar[Place]
    wheel: ClassVar[Path]
    site: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = cls.enterClassContext(Place())
        tree = cls.place.folder / "tree"
        _copy_of_the_tree(tree)
        cls.pip("wheel", "--no-build-isolation", "--wheel-dir", "wheels", "./tree")
        (cls.wheel,) = (cls.place.folder / "wheels").iterdir()
        cls.site = cls.place.folder / "site"
        cls.pip("install", "--target", str(cls.site), str(cls.wheel))

    @classmethod
    def pip(cls, command: str, *words: str) -> None:
        """Run pip without looking at any index."""
        quiet = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
        ended = cls.place.run(
            sys.executable, "-m", "pip", command, *quiet, *words, environ=cls.none
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr

    # The checkout must not help.
    none = {"PYTHONPATH": ""}

    def run_installed(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.place.run(*words, environ={"PYTHONPATH": str(self.site)})

    def test_contents(self) -> None:
        """Every module is in it, py.typed, and the plugin; nothing of Twisted's."""
        with zipfile.ZipFile(self.wheel) as opened:
            names = set(opened.namelist())
        sources = {
            str(path.relative_to(ROOT)) for path in (ROOT / "chatmockd").rglob("*.py")
        }
        self.assertLessEqual(sources, names)
        self.assertIn("chatmockd/py.typed", names)
        self.assertIn("twisted/plugins/chatmockd_plugin.py", names)
        self.assertEqual(
            {name for name in names if name.startswith("twisted/")},
            {"twisted/plugins/chatmockd_plugin.py"},
        )
        strangers = {
            name
            for name in names
            if not name.startswith(("chatmockd/", "chatmockd-", "twisted/"))
        }
        self.assertEqual(strangers, set())

    def test_what_operators_read(self) -> None:
        """Configuration, unit and documents are in PREFIX/share, as in the tree."""
        with zipfile.ZipFile(self.wheel) as opened:
            shared = {
                name.partition(".data/data/share/")[2]: opened.read(name)
                for name in opened.namelist()
                if ".data/data/share/" in name
            }
        expected = {
            **{f"chatmockd/{path.name}": path for path in ROOT.glob("etc/*")},
            **{
                f"doc/chatmockd/{path.relative_to(ROOT)}": path
                for pattern in ("README.md", "CHANGELOG.md", "docs/clients/*.md")
                for path in ROOT.glob(pattern)
            },
        }
        self.assertIn("chatmockd/chatmockd.service", expected)
        self.assertEqual(
            shared, {name: path.read_bytes() for name, path in expected.items()}
        )

    def test_what_is_imported(self) -> None:
        """Daemon and plugin come from where they were installed."""
        ended = self.run_installed(
            sys.executable,
            "-c",
            "import chatmockd, twisted.plugins.chatmockd_plugin as plugin\n"
            "print(chatmockd.__file__, plugin.__file__, sep='\\n')",
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        for line in ended.stdout.splitlines():
            self.assertTrue(line.startswith(str(self.site)), line)

    def test_twistd_lists_it(self) -> None:
        """C{twistd --help} has it."""
        ended = self.run_installed(str(TWISTD), "--help")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stdout, r"(?m)^ +chatmockd +Serve ")

    def test_twistd_runs_it(self) -> None:
        """C{twistd chatmockd --check} is content."""
        ended = self.run_installed(str(TWISTD), "chatmockd", "--check")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        ended = self.run_installed(
            str(TWISTD), "chatmockd", "--check", "--set", "server.banana=1"
        )
        self.assertEqual(ended.returncode, EXIT_CONFIG)

    def test_the_console_script(self) -> None:
        """C{chatmockd} tells its version, and serves as twistd would."""
        script = str(self.site / "bin" / "chatmockd")
        version = self.run_installed(script, "--version")
        self.assertEqual(version.returncode, 0, version.stderr)
        self.assertIn(version.stdout.split()[-1], self.wheel.name)
        checked = self.run_installed(script, "serve", "--check")
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    def test_the_plugin_is_light(self) -> None:
        """twistd imports every plugin for any command: ours brings nothing along."""
        ended = self.run_installed(
            sys.executable,
            "-c",
            "import sys, twisted.plugins.chatmockd_plugin\n"
            "print(*sys.modules, sep='\\n')",
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        modules = ended.stdout.split()
        self.assertIn("twisted.plugins.chatmockd_plugin", modules)
        heavy = {"klein", "autobahn", "txaio", "msgspec", "chatmockd"}
        self.assertEqual({name.partition(".")[0] for name in modules} & heavy, set())
        self.assertNotIn("twisted.internet.reactor", modules)
