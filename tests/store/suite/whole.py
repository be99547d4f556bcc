"""
All that every store has to do.

A store is put to it by a class of L{StoreSuite} and C{SynchronousTestCase} that says
how one is made. One that needs threads or sockets gives them
L{tests.store.spinning.own_reactor}.
"""

from __future__ import annotations

from tests.store.suite.deleting import DeletingSuite
from tests.store.suite.finding import ItemsSuite, MatchingSuite, OwnersSuite
from tests.store.suite.room import SizeSuite, SweepingSuite
from tests.store.suite.turns import PathsSuite, TurnsSuite
from tests.store.suite.twice import TwiceSuite
from tests.store.suite.usage import UsageSuite


class StoreSuite(
    TurnsSuite,
    PathsSuite,
    MatchingSuite,
    ItemsSuite,
    OwnersSuite,
    TwiceSuite,
    DeletingSuite,
    SweepingSuite,
    SizeSuite,
    UsageSuite,
):
    """The tests, to be mixed into a test case that says what store is meant."""
