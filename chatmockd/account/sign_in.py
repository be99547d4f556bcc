"""What every way of signing in ends with: the tokens are in C{auth.json}, or not."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from chatmockd.account.auth_file import Login, blank, read, reason
from chatmockd.account.issuer import Grant
from chatmockd.account.lock import Lock, LockBusy
from chatmockd.errors import ChatmockdError, CredentialsMissing

_LOCK_WAIT = 60.0  # seconds; as in L{chatmockd.account.chatgpt}


class SignInFailed(ChatmockdError):
    """Nobody is signed in, or out; the message says why."""

    code = "sign_in_failed"


async def keep(file: Path, grant: Grant, clock: IReactorTime) -> Login:
    """
    Save the tokens of a new login, in the place of one that was there before.

    @raise SignInFailed: They cannot be saved.
    """
    lock = Lock(file, clock)
    await _acquire(lock, file)
    try:
        try:
            before = read(file) or blank(file)
        except CredentialsMissing:
            # Nothing in it can be kept, and to sign in again is what mends it.
            before = blank(file)
        login = before.signed_in(
            access_token=grant.access_token,
            id_token=grant.id_token,
            refresh_token=grant.refresh_token,
            now=clock.seconds(),
        )
        _save(login)
        return login
    finally:
        lock.release()


async def forget(file: Path, clock: IReactorTime) -> None:
    """
    Take the tokens out of the file, and nothing else.

    @raise SignInFailed: They are still there.
    """
    lock = Lock(file, clock)
    await _acquire(lock, file)
    try:
        login = read(file)
        if login is not None:
            _save(login.signed_out())
    finally:
        lock.release()


async def _acquire(lock: Lock, file: Path) -> None:
    try:
        await lock.acquire(_LOCK_WAIT)
    except LockBusy:
        raise SignInFailed(
            f"Another process has been writing {file} for {_LOCK_WAIT:g} s."
        ) from None
    except OSError as problem:
        raise _unwritable(file, problem) from None


def _save(login: Login) -> None:
    try:
        login.save()
    except OSError as problem:
        raise _unwritable(login.file, problem) from None


def _unwritable(file: Path, problem: OSError) -> SignInFailed:
    return SignInFailed(f"{file} cannot be written: {reason(problem)}.")
