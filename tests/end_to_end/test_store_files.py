"""The files of the store: whose they are, and what happens where there can be none."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from tests.end_to_end.client import ask, events_in, is_healthy, text_of
from tests.end_to_end.keyed import answer_to
from tests.end_to_end.lasting import asking, check, lasting, store_of, stored
from tests.end_to_end.place import EXIT_CONFIG, LISTEN, TWISTD, PlacedTests, wait_for

KEY = "a-key-of-mine"
RUNNING = ("queued", "in_progress")


def mode_of(path: Path) -> int:
    """Who may do what with it."""
    return path.stat().st_mode & 0o777


class FileTests(PlacedTests):
    """A store that can be used."""

    def test_modes(self) -> None:
        """Nobody else can read conversations, whatever the umask, dead or alive."""
        before = os.umask(0)
        try:
            daemon = self.place.start(*lasting(store_of(self.place)))
        finally:
            os.umask(before)
        answer = ask(daemon.port)
        folder = store_of(self.place).parent
        (store,) = folder.glob("*.sqlite")
        names = {f"{store.name}{end}" for end in ("", "-wal", "-shm", ".lock")}
        for _ in range(2):
            self.assertEqual(mode_of(folder), 0o700)
            self.assertEqual({each.name for each in folder.iterdir()}, names)
            for name in names:
                self.assertEqual(mode_of(folder / name), 0o600, name)
            daemon.popen.kill()
            daemon.exit_status()
        daemon = self.place.start(*lasting(store_of(self.place)))
        self.assertEqual(stored(daemon, answer["id"]), answer)

    def test_what_a_stopped_daemon_leaves(self) -> None:
        """One file with everything in it; nothing that would have to be recovered."""
        daemon = self.place.start(*lasting(store_of(self.place)))
        ask(daemon.port)
        daemon.send(signal.SIGTERM)
        self.assertEqual(daemon.exit_status(), 0)
        folder = store_of(self.place).parent
        (store,) = folder.glob("*.sqlite")
        self.assertEqual(
            {each.name for each in folder.iterdir()}, {store.name, f"{store.name}.lock"}
        )
        self.assertEqual(check(store), "ok")

    def test_in_my_home(self) -> None:
        """A path with a tilde is in my home, and folders are made for it."""
        daemon = self.place.start(
            "continuity.mode=durable", "store.path=~/state/deep/turns.sqlite"
        )
        answer = ask(daemon.port)
        folder = self.place.home / "state" / "deep"
        self.assertEqual(mode_of(folder), 0o700)
        self.assertEqual(len(list(folder.glob("*.sqlite"))), 1)
        self.assertEqual(stored(daemon, answer["id"]), answer)


class UnusableTests(PlacedTests):
    """A store that cannot be used: one line, and status 78."""

    def refused(self, path: str, *, simulate: bool = True) -> str:
        """Try to start a daemon there; return what it says."""
        words = ["--simulate"] if simulate else []
        for each in (LISTEN, "continuity.mode=durable", f"store.path={path}"):
            words += ["--set", each]
        twistd = [str(TWISTD), "-n", "--pidfile=", "chatmockd", *words]
        (self.place.folder / "here").mkdir(exist_ok=True)
        ended = self.place.run("/bin/sh", "-c", 'cd here && exec "$@"', "-", *twistd)
        self.assertEqual(ended.returncode, EXIT_CONFIG, ended.stderr)
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
        self.assertIn("store.path", ended.stderr)
        return ended.stderr

    def test_a_second_daemon(self) -> None:
        """Two on one store: the second is refused, the first does not notice."""
        daemon = self.place.start(*lasting(store_of(self.place)))
        answer = ask(daemon.port)
        self.assertIn("another chatmockd", self.refused(str(store_of(self.place))))
        self.assertTrue(is_healthy(daemon.port))
        self.assertEqual(stored(daemon, answer["id"]), answer)
        ask(daemon.port, previous_response_id=answer["id"])
        daemon.send(signal.SIGTERM)
        self.assertEqual(daemon.exit_status(), 0)
        self.place.start(*lasting(store_of(self.place)))

    def test_a_folder(self) -> None:
        """It is a folder."""
        (self.place.folder / "simulated-store").mkdir()
        self.refused(str(self.place.folder / "store"))

    def test_in_a_file(self) -> None:
        """What should be its folder is a file."""
        file = self.place.write("file", "")
        self.refused(str(file / "turns.sqlite"))

    def test_another_kind_of_file(self) -> None:
        """It is a file of another kind, which stays as it is."""
        text = "Dear diary, nothing is lost. " * 100
        file = self.place.write("store/simulated-turns.sqlite", text)
        self.refused(str(store_of(self.place)))
        self.assertEqual(file.read_text(), text)

    def test_a_link(self) -> None:
        """It is a link, by which somebody might have a file overwritten."""
        target = self.place.write("target", "")
        link = store_of(self.place).with_name("simulated-turns.sqlite")
        link.parent.mkdir()
        link.symlink_to(target)
        self.refused(str(store_of(self.place)))
        self.assertEqual(target.read_text(), "")

    def test_a_later_version(self) -> None:
        """A later version has written it."""
        store = store_of(self.place).with_name("simulated-turns.sqlite")
        store.parent.mkdir()
        connection = sqlite3.connect(store)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.assertIn("99", self.refused(str(store_of(self.place))))

    def test_no_path(self) -> None:
        """There is no path; and what is tried leaves nothing behind."""
        here = self.place.folder / "here"
        here.mkdir()
        for simulate in (True, False):
            with self.subTest(simulate=simulate):
                self.refused("", simulate=simulate)
                self.assertEqual(list(here.iterdir()), [])
                self.assertEqual(
                    sorted(self.place.folder.iterdir()), [here, self.place.home]
                )


class FullDiskTests(PlacedTests):
    """The store's file system has no room left."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = store_of(self.place).parent
        self.folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", self.folder],
            capture_output=True,
            text=True,
        )
        if mounted.returncode:
            self.skipTest(f"cannot mount a small file system: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.folder], check=True)
        self.filler = self.folder / "filler"
        self.daemon = self.place.start(*lasting(store_of(self.place)))
        self.addCleanup(self.daemon.end)
        self.told = self.ask("Remember the token ALPHA-42.")

    def fill(self, leave: int = 0) -> None:
        """Take all the room but so much."""
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                file.truncate(max(0, file.tell() - leave))

    def ask(self, text: str, **more: Any) -> Any:
        """One turn that must succeed."""
        return ask(self.daemon.port, asking(text, **more))

    def assert_refused(self, text: str, **more: Any) -> None:
        """This turn is answered with a 507, and not to be repeated at once."""
        answer = answer_to(self.daemon.port, asking(text, **more))
        self.assertEqual(answer.status, 507, answer.body)
        self.assertEqual(answer.code, "insufficient_storage")
        self.assertEqual(answer.headers["x-should-retry"], "false")

    def assert_well_again(self) -> None:
        """With room there is a store as before."""
        self.filler.unlink()
        marker = self.told["id"]
        for number in range(3):
            answer = self.ask(f"Say {number}.", previous_response_id=marker)
            self.assertEqual(stored(self.daemon, answer["id"]), answer)
            marker = answer["id"]
        asked = self.ask("What token did I tell you?", previous_response_id=marker)
        self.assertIn("ALPHA-42", text_of(asked))
        (store,) = self.folder.glob("*.sqlite")
        self.daemon.send(signal.SIGTERM)
        self.assertEqual(self.daemon.exit_status(), 0)
        self.assertEqual(check(store), "ok")

    def test_no_room_to_begin(self) -> None:
        """Stored turns get a 507, and those with store: false are answered."""
        self.fill()
        question = "What token did I tell you?"
        marker = self.told["id"]
        for more in ({}, {"stream": True}, {"background": True}):
            self.assert_refused("x" * 30_000, **more)
            self.assert_refused("x" * 30_000, previous_response_id=marker, **more)
        answer = self.ask("Say hello.", store=False)
        self.assertEqual(text_of(answer), "hello")
        answer = self.ask(question, store=False, previous_response_id=marker)
        self.assertIn("ALPHA-42", text_of(answer))
        again = self.ask(question, store=False, previous_response_id=answer["id"])
        self.assertIn("ALPHA-42", text_of(again))
        self.assertEqual(stored(self.daemon, marker), self.told)
        self.assertTrue(is_healthy(self.daemon.port))
        self.assert_well_again()

    def test_no_room_to_end(self) -> None:
        """A turn whose answer cannot be kept ends with an error, and not as if well."""
        self.fill(leave=200_000)
        large = "[[simulate: event_bytes=400000]] Say hello."
        self.assert_refused(large)
        answer = answer_to(self.daemon.port, asking(large, stream=True), KEY)
        self.assertEqual(answer.status, 200)
        events = events_in(answer.body)
        self.assertEqual(events[-1]["type"], "error")
        self.assertEqual(events[-1]["error"]["code"], "insufficient_storage")
        # It was made all the same, so it is not made again.
        again = answer_to(self.daemon.port, asking(large, stream=True), KEY)
        self.assertEqual(again.status, 409, again.body[:500])
        self.assertEqual(again.code, "idempotency_outcome_unknown")
        begun = self.ask(large, background=True)
        self.assertEqual(self.when_over(begun["id"])["status"], "failed")
        self.assert_well_again()

    def when_over(self, response_id: str) -> Any:
        """Poll until it runs no more."""

        def over() -> Any:
            response = stored(self.daemon, response_id)
            return None if response["status"] in RUNNING else response

        return wait_for(f"{response_id} to end", over)
