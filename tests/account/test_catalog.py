"""The account's models: at once what is known, soon what is true."""

from __future__ import annotations

import json
import os
from typing import Any

from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.identity import Identity
from chatmockd.core.shipped import SHIPPED
from chatmockd.outbound import Answered
from tests.account.asked import URL, AskedCase
from tests.core.cases import case


def listing(*names: str) -> str:
    """ChatGPT's list of these models."""
    entries = [{"slug": name, "visibility": "list"} for name in names]
    return json.dumps({"models": entries})


class CatalogCase(AskedCase):
    """A catalog."""

    def setUp(self) -> None:
        super().setUp()
        self.seen: list[Identity | None] = []

    def catalog(self, **more: Any) -> ModelCatalog:
        """One that starts now."""
        fields: dict[str, Any] = {"sync": True, "refresh_interval": 3600} | more
        return ModelCatalog(
            self.clock.seconds,
            self.now,
            self.asking,
            self.folder,
            "chatgpt",
            URL,
            signed_in=self.seen.append,
            **fields,
        )

    def names(self, catalog: ModelCatalog) -> list[str]:
        """What it knows now."""
        return [model.name for model in catalog.models()]

    def fetched(self, *names: str, etag: str = "") -> ModelCatalog:
        """A catalog that has been told of these."""
        self.outbound.will(200, listing(*names), {"etag": etag} if etag else {})
        catalog = self.catalog()
        self.names(catalog)
        self.assertEqual(self.names(catalog), list(names))
        return catalog


class RefreshTests(CatalogCase):
    """Stale while it is being revalidated."""

    def test_shipped_until_there_is_an_answer(self) -> None:
        """Who asks does not wait; many ask once."""
        answer = self.outbound.will_wait()
        catalog = self.catalog()
        for _ in range(3):
            self.assertEqual(catalog.models(), SHIPPED)
        self.assertEqual((catalog.source, catalog.age), ("shipped", None))
        answer.callback(Answered(200, {}, listing("a", "b").encode()))
        self.assertEqual(self.names(catalog), ["a", "b"])
        self.assertEqual((catalog.source, catalog.age), ("upstream", 0))
        self.assertEqual(len(self.outbound.calls), 1)
        self.assertEqual([i and i.account for i in self.seen], ["acc-1"])

    def test_asked_again_when_it_is_old(self) -> None:
        """What is there is answered with meanwhile."""
        catalog = self.fetched("a")
        self.clock.advance(3599)
        self.names(catalog)
        self.assertEqual(len(self.outbound.calls), 1)
        self.clock.advance(1)
        answer = self.outbound.will_wait()
        self.assertEqual(self.names(catalog), ["a"])
        self.assertEqual(catalog.age, 3600)
        answer.callback(Answered(200, {}, listing("b").encode()))
        self.assertEqual(self.names(catalog), ["b"])

    def test_the_time_of_day_is_set_back(self) -> None:
        """It is asked again when it would have been."""
        catalog = self.fetched("a")
        self.set_by = -7200
        self.clock.advance(3600)
        self.outbound.will(200, listing("b"))
        self.names(catalog)
        self.assertEqual(self.names(catalog), ["b"])
        self.assertEqual(catalog.age, 0)

    def test_not_modified(self) -> None:
        """What we have is known by its tag, and good for another while."""
        catalog = self.fetched("a", etag='W/"1"')
        self.clock.advance(3600)
        self.outbound.will(304)
        self.names(catalog)
        self.assertEqual(self.outbound.calls[-1].headers["If-None-Match"], 'W/"1"')
        self.assertEqual((self.names(catalog), catalog.age), (["a"], 0))
        self.assertEqual(self.logged("cannot be brought"), 0)

    def test_a_tag_that_is_none(self) -> None:
        """Is not sent back."""
        catalog = self.fetched("a", etag="a\x01b")
        self.clock.advance(3600)
        self.names(catalog)
        self.assertNotIn("If-None-Match", self.outbound.calls[-1].headers)

    def test_bad_answers_replace_nothing(self) -> None:
        """Whatever it is; the log says so once."""
        catalog = self.fetched("a")
        for status, body in (
            (200, "<html>Just a moment...</html>"),
            (200, '{"models": []}'),
            (200, "garbage"),
            (200, "[" * 50_000),
            (200, " " * 5_000_000),
            (304, ""),
            (302, ""),
            (401, ""),
            (403, "<html>"),
            (500, "{}"),
            (502, ""),
        ):
            with case(status=status, body=body[:20]):
                self.clock.advance(100_000)
                self.outbound.will(status, body)
                before = len(self.outbound.calls)
                self.names(catalog)
                self.assertEqual(len(self.outbound.calls), before + 1)
                self.assertEqual(self.names(catalog), ["a"])
        self.assertEqual(self.logged("cannot be brought up to date"), 1)
        self.clock.advance(100_000)
        self.outbound.will(200, listing("b"))
        self.names(catalog)
        self.assertEqual(self.names(catalog), ["b"])
        self.assertEqual(self.logged("up to date again"), 1)

    def test_failures_are_backed_off(self) -> None:
        """A minute, then twice as long each time, an hour at most."""
        catalog = self.catalog()
        self.names(catalog)
        for wait in (60, 120, 240, 480, 960, 1920, 3600, 3600):
            with case(wait=wait):
                calls = len(self.outbound.calls)
                self.clock.advance(wait - 1)
                self.names(catalog)
                self.assertEqual(len(self.outbound.calls), calls)
                self.clock.advance(1)
                self.assertEqual(catalog.models(), SHIPPED)
                self.assertEqual(len(self.outbound.calls), calls + 1)
        self.assertEqual(self.logged("cannot be brought up to date"), 1)

    def test_nobody_signed_in(self) -> None:
        """Nothing is asked, and what is shipped is there."""
        self.login.account = None
        catalog = self.catalog()
        self.assertEqual(catalog.models(), SHIPPED)
        self.assertEqual((self.outbound.calls, self.seen), ([], [None]))

    def test_switched_off(self) -> None:
        """The shipped list, whatever is on disk, and not a call."""
        self.fetched("a")
        calls = len(self.outbound.calls)
        catalog = self.catalog(sync=False)
        self.assertEqual(catalog.models(), SHIPPED)
        self.assertEqual(len(self.outbound.calls), calls)

    def test_stopped_while_it_asks(self) -> None:
        """The call is given up, quietly."""
        answer = self.outbound.will_wait()
        catalog = self.catalog()
        self.names(catalog)
        catalog.stop()
        self.assertTrue(answer.called)
        self.assertEqual(catalog.models(), SHIPPED)
        self.assertEqual(len(self.outbound.calls), 1)
        self.assertEqual(self.log, [])


class DiskTests(CatalogCase):
    """What the next daemon knows."""

    def test_known_from_the_start(self) -> None:
        """With its age, and still good for the rest of it."""
        self.fetched("a", "b", etag='"1"')
        self.clock.advance(600)
        catalog = self.catalog()
        self.assertEqual((catalog.source, catalog.age), ("disk", 600))
        self.outbound.will(304)
        self.assertEqual(self.names(catalog), ["a", "b"])
        self.assertEqual(self.outbound.calls[-1].headers["If-None-Match"], '"1"')

    def test_each_account_has_its_own(self) -> None:
        """The one of the account that was here last is shown until it is known who."""
        self.fetched("a")
        self.login.account = "acc-2"
        answer = self.outbound.will_wait()
        catalog = self.catalog()
        self.names(catalog)
        self.assertEqual(catalog.models(), SHIPPED)
        answer.callback(Answered(200, {}, listing("b").encode()))
        self.assertEqual(self.names(catalog), ["b"])
        self.assertEqual(len(list(self.path.glob("models-*.json"))), 2)
        self.login.account = "acc-1"
        self.clock.advance(3600)
        self.names(catalog)
        self.assertEqual((self.names(catalog), catalog.source), (["a"], "disk"))

    def test_nothing_in_it_is_secret(self) -> None:
        """Nor can others read it."""
        self.fetched("a")
        (file,) = self.path.glob("models-*.json")
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        for value in self.login.given().values():
            self.assertNotIn(value, file.read_text() + file.name)

    def test_broken_files_are_none(self) -> None:
        """The next one counts, or what is shipped."""
        self.fetched("a")
        (file,) = self.path.glob("models-*.json")
        good = file.read_bytes()
        for broken in (
            b"",
            good[:-20],
            b"\xff" + good,
            good.replace(b"chatgpt.test", b"other.test"),
            good.replace(b'"listed":true', b'"listed":false'),
            b"{}",
            b"[" * 50_000,
        ):
            with case(broken=broken[:40]):
                file.write_bytes(broken)
                self.assertEqual(self.catalog().source, "shipped")
        older = self.path / "models-0.json"
        older.write_bytes(good)
        os.utime(older, (1, 1))
        self.assertEqual(self.catalog().source, "disk")

    def test_a_folder_that_cannot_be_written(self) -> None:
        """The list is good all the same."""
        (self.path / "file").write_text("")
        self.folder = type(self.folder)(self.path / "file" / "x")
        self.fetched("a")
        self.assertEqual(self.logged("cannot be kept"), 1)
