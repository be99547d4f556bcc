"""The borders between the parts, held by reading who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import chatmockd
from tests.core.cases import case

PACKAGE = Path(chatmockd.__file__).parent

# What a decision may be made with: none of it knows more than what it is given.
PURE = {
    "__future__",
    "base64",
    "binascii",
    "collections",
    "contextlib",
    "dataclasses",
    "email.utils",
    "hashlib",
    "ipaddress",
    "json",
    "math",
    "msgspec",
    "re",
    "struct",
    "typing",
    "urllib.parse",
}


def imports_of(source: str, module: str) -> set[str]:
    """
    The modules that C{source} imports, wherever in it.

    C{from a import b} counts as both C{a} and C{a.b}: C{b} may be a module.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import"
            assert node.module is not None
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def modules() -> Iterator[tuple[str, set[str]]]:
    """Each module of the daemon, with what it imports."""
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        yield name, imports_of(file.read_text(encoding="utf-8"), name)


def within(name: str, *packages: str) -> bool:
    """Whether C{name} is one of C{packages} or inside one."""
    return any(name == p or name.startswith(f"{p}.") for p in packages)


MODULES = dict(modules())


class ImportsTests(SynchronousTestCase):
    """Imports point one way."""

    def forbid(self, importer: str, *forbidden: str, but: tuple[str, ...] = ()) -> None:
        """Nothing within C{importer} imports these, except what is named in C{but}."""
        importers = [name for name in MODULES if within(name, importer)]
        self.assertTrue(importers, f"there is no {importer}")
        for name in importers:
            with case(module=name):
                found = {
                    imported
                    for imported in MODULES[name]
                    if within(imported, *forbidden) and not within(imported, *but)
                }
                self.assertEqual(found, set())

    def test_core_only_decides(self) -> None:
        """The core has nothing to act, wait, log or guess with."""
        ours = ("chatmockd.core", "chatmockd.errors", "chatmockd.exposure")
        for name in MODULES:
            if within(name, *ours):
                for imported in MODULES[name] - {"chatmockd"}:
                    with case(module=name, imported=imported):
                        self.assertTrue(within(imported, *PURE, *ours))

    def test_the_core_reads_no_files(self) -> None:
        """Not even with what needs no import."""
        for name in MODULES:
            if within(name, "chatmockd.core"):
                file = PACKAGE.parent / f"{name.replace('.', '/')}.py"
                if file.exists():
                    tree = ast.parse(file.read_text(encoding="utf-8"))
                    called = {
                        node.func.id
                        for node in ast.walk(tree)
                        if isinstance(node, ast.Call)
                        and isinstance(node.func, ast.Name)
                    }
                    with case(module=name):
                        self.assertFalse(called & {"open", "print", "input", "eval"})

    def test_the_simulator_cannot_share_mistakes(self) -> None:
        """It takes nothing from the daemon but how a frame is read."""
        self.forbid(
            "chatmockd.simulator",
            "chatmockd",
            but=("chatmockd.simulator", "chatmockd.core.frame"),
        )

    def assert_only_tap_has(self, part: str) -> None:
        """And it does so only when its service is made."""
        users = {
            name
            for name, imported in MODULES.items()
            if any(within(i, part) for i in imported) and not within(name, part)
        }
        self.assertEqual(users, {"chatmockd.tap"})
        tree = ast.parse((PACKAGE / "tap.py").read_text(encoding="utf-8"))
        for node in tree.body:
            for imported in imports_of(ast.unparse(node), "chatmockd.tap"):
                if not isinstance(node, ast.FunctionDef):
                    self.assertFalse(within(imported, part))

    def test_only_tap_knows_the_simulator(self) -> None:
        """The daemon does well without."""
        self.assert_only_tap_has("chatmockd.simulator")

    def test_only_tap_knows_the_wiring(self) -> None:
        """It knows everybody else, and has a reactor installed."""
        self.assert_only_tap_has("chatmockd.wiring")

    def test_upstream_knows_no_clients(self) -> None:
        """What calls the model does not depend on who asked."""
        self.forbid(
            "chatmockd.upstream",
            *("chatmockd.web", "chatmockd.daemon", "chatmockd.tap", "klein"),
        )

    def test_turns_know_no_clients(self) -> None:
        """Whoever listens, and however, is theirs to be told and not to know."""
        self.forbid(
            "chatmockd.turns",
            *("chatmockd.web", "chatmockd.daemon", "chatmockd.tap", "klein"),
            *("autobahn", "sqlite3"),
        )

    def test_stores_only_keep(self) -> None:
        """One that is added needs nothing but the contract."""
        self.forbid(
            "chatmockd.store",
            "chatmockd",
            "klein",
            "autobahn",
            but=(
                "chatmockd.store",
                "chatmockd.core",
                "chatmockd.errors",
                "chatmockd.occasion",
            ),
        )

    def test_the_relay_knows_no_upstream(self) -> None:
        """It carries bytes from any source."""
        self.forbid(
            "chatmockd.web.relay", "chatmockd.upstream", "chatmockd.core", "autobahn"
        )

    def test_the_web_part_knows_no_sockets(self) -> None:
        """Their adapters are alone with Autobahn."""
        self.forbid("chatmockd.web", "chatmockd.daemon", "chatmockd.tap")
        users = {
            name
            for name, imported in MODULES.items()
            if any(within(i, "autobahn") for i in imported)
            and within(name, "chatmockd.web")
        }
        self.assertEqual(users, {"chatmockd.web.socket_adapter"})

    def test_ollama_has_no_way_of_its_own(self) -> None:
        """Its routes translate, and have others ask."""
        self.forbid(
            "chatmockd.web.ollama",
            *("chatmockd.upstream", "chatmockd.turns", "chatmockd.store", "klein"),
        )

    def test_credentials_know_nobody(self) -> None:
        """They are asked, and ask only who issues them."""
        self.forbid(
            "chatmockd.account",
            "chatmockd",
            but=(
                "chatmockd.account",
                "chatmockd.core",
                "chatmockd.errors",
                "chatmockd.outbound",
                "chatmockd._version",
            ),
        )

    def test_commands_know_no_daemon(self) -> None:
        """What a person types works whether or not one runs."""
        self.forbid(
            "chatmockd.commands",
            *("chatmockd.web", "chatmockd.upstream", "chatmockd.turns"),
            *("chatmockd.daemon", "chatmockd.tap", "chatmockd.simulator", "klein"),
        )

    def test_one_event_loop(self) -> None:
        """The reactor is the only one."""
        self.forbid("chatmockd", "asyncio", "trio", "anyio")

    def test_the_reactor_is_passed_down(self) -> None:
        """It is imported in one function of each program, when it has been chosen."""
        importers = {
            name
            for name, imported in MODULES.items()
            if "twisted.internet.reactor" in imported
        }
        self.assertLessEqual(
            importers,
            {
                "chatmockd.tap",
                "chatmockd.commands.running",
                "chatmockd.simulator.__main__",
            },
        )

    def test_the_plugin_loads_nothing(self) -> None:
        """C{twistd --help} looks at every plugin there is."""
        file = PACKAGE.parent / "twisted" / "plugins" / "chatmockd_plugin.py"
        self.assertEqual(
            imports_of(file.read_text(encoding="utf-8"), "the plugin"),
            {
                "twisted.application.service",
                "twisted.application.service.ServiceMaker",
            },
        )
