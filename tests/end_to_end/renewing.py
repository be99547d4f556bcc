"""
A process that needs the tokens of the one login, round after round.

C{python -m tests.end_to_end.renewing ISSUER FOLDER ROUNDS}: in each round it waits for
the file C{go-N} in the folder, and prints the token that it got.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from chatmockd.account.chatgpt import ChatGptLogin
from chatmockd.account.issuer import Issuer
from chatmockd.network import Network
from chatmockd.outbound import HttpOutbound


async def main(reactor: Any, url: str, folder: Path, rounds: int) -> None:
    network = Network(reactor, {})
    login = ChatGptLogin(
        {"CODEX_HOME": str(folder)},
        folder,
        reactor,
        reactor.seconds,
        Issuer(url, "app_EMoamEEZ73f0CkXaXp7hrann", HttpOutbound(reactor, network)),
    )
    print("ready", flush=True)
    for number in range(rounds):
        while not (folder / f"go-{number}").exists():
            await deferLater(reactor, 0.001)
        headers = await login.headers()
        print(f"{number}: {headers['Authorization']}", flush=True)


if __name__ == "__main__":
    _, url, folder, rounds = sys.argv
    react(
        lambda reactor: Deferred.fromCoroutine(
            main(reactor, url, Path(folder), int(rounds))
        )
    )
