"""The tokens of a ChatGPT login, renewed before they expire and when they are refused.

The file is what counts: others (ChatMock, Codex, another daemon) read and write it as
well, so it is looked at before each use, and again before a refresh token is spent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from chatmockd.account.auth_file import Login, Stamp, places, read, reason, stamp_of
from chatmockd.account.flight import Flight
from chatmockd.account.issuer import Grant, Issuer, IssuerFailed, IssuerRefused
from chatmockd.account.lock import Lock, LockBusy
from chatmockd.account.tokens import bearer, header_value
from chatmockd.errors import ChatmockdError, CredentialsMissing

_EARLY = 300.0  # seconds before a token expires at which it is renewed
_OLD = 8 * 86_400.0  # seconds after which one is, of which nobody can tell (as Codex)
_LOCK_WAIT = 60.0  # seconds; who has the lock waits at most 30 for the issuer
_BACKOFF = 30.0  # seconds in which the issuer is not asked again after a failure
_YOUNG = 60.0  # seconds in which a token that we have just got is not renewed again
_SETTLE = 5.0  # seconds that the end of the daemon waits for new tokens


class SignInAgain(CredentialsMissing):
    """The login has ended, and only a person can begin another."""

    code = "sign_in_again"


@dataclass
class _Failure:
    """Why a refresh token was of no use, and until when it is not tried again."""

    refresh_token: str | None
    until: float
    error: ChatmockdError


class ChatGptLogin:
    """
    The C{auth.json} that a login of ours, of ChatMock's or of Codex's writes.

    Looked for in C{CHATGPT_LOCAL_HOME}, C{CODEX_HOME}, C{~/.chatgpt-local} and
    C{~/.codex}; the first that exists counts.
    """

    _log = Logger()

    def __init__(
        self,
        environ: Mapping[str, str],
        home: Path,
        clock: IReactorTime,
        now: Callable[[], float],
        issuer: Issuer,
    ) -> None:
        """
        @param now: Unix time in seconds, as tokens count them.
        """
        self._files = places(environ, Path(os.path.abspath(home)))
        self._clock = clock
        self._now = now
        self._issuer = issuer
        self._flight: Flight[Login] = Flight()
        self._seen: tuple[Path, Stamp, Login] | None = None
        self._failed: _Failure | None = None
        self._renewed_at: tuple[str | None, float] = (None, 0.0)
        self._unsaved: tuple[str | None, Login] | None = None

    async def headers(self) -> dict[str, str]:
        """See L{Credentials.headers}."""
        login = self._current()
        if self._is_due(login) and not self._is_young(login):
            try:
                login = await self._fresh(login)
            except (CredentialsMissing, IssuerFailed):
                if login.access_token is None or self._has_expired(login):
                    raise
        return _headers_of(login)

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """See L{Credentials.renewed}."""
        self._seen = None
        login = self._current()
        young = self._is_young(login)
        if _is_refused(login, refused) or (self._is_due(login) and not young):
            if not login.refresh_token or young:
                # A new token that is refused, too, will not be helped by a newer one.
                return None
            login = await self._fresh(login)
        return None if _is_refused(login, refused) else _headers_of(login)

    def settled(self) -> Deferred[None]:
        """
        Fires when no new tokens are on their way, or have been for too long.

        They are worth something only once they are saved, since the issuer has by then
        forgotten the refresh token before.
        """
        landed = self._flight.landed()
        landed.addTimeout(_SETTLE, self._clock)
        return landed.addErrback(lambda _: None)

    def _current(self) -> Login:
        """The login that counts; read again only when its file has changed."""
        for file in self._files:
            stamp = stamp_of(file)
            if self._seen is not None and self._seen[:2] == (file, stamp):
                return self._seen[2]
            found = read(file)
            if found is None:
                continue
            login = self._kept(_usable(found))
            if stamp is not None and self._unsaved is None:
                self._seen = (file, stamp, login)
            return login
        tried = ", ".join(str(file) for file in self._files)
        raise CredentialsMissing(
            "Not signed in to ChatGPT: run `chatmockd login`, which writes auth.json. "
            f"Looked for: {tried}."
        )

    def _is_due(self, login: Login) -> bool:
        """Whether the tokens have to be renewed, and can be."""
        if not login.refresh_token:
            return False
        if login.access_token is None:
            return True
        now, expires = self._now(), login.expires_at
        if expires is not None:
            return expires <= now + _EARLY
        return login.refreshed_at is not None and login.refreshed_at < now - _OLD

    def _is_young(self, login: Login) -> bool:
        """
        Whether we have only just got this token.

        If it is due all the same, our clock is ahead, or the issuer's tokens are good
        for a few minutes; then each turn would spend a refresh token.
        """
        token, since = self._renewed_at
        age = self._clock.seconds() - since
        return token == login.access_token and age < _YOUNG

    def _has_expired(self, login: Login) -> bool:
        expires = login.expires_at
        return expires is not None and expires <= self._now()

    def _fresh(self, login: Login) -> Deferred[Login]:
        """New tokens, asked for once, however many wait for them."""
        return self._flight.join(lambda: self._refresh(login))

    async def _refresh(self, stale: Login) -> Login:
        self._check_worth_asking(stale)
        lock = Lock(stale.file, self._clock)
        try:
            await lock.acquire(_LOCK_WAIT)
        except LockBusy:
            raise IssuerFailed(
                f"Another process has been renewing {stale.file} for {_LOCK_WAIT:g} s."
            ) from None
        except OSError as problem:
            raise _unwritable(stale.file, reason(problem)) from None
        try:
            login = self._still_there(stale.file)
            if login.access_token != stale.access_token and not self._is_due(login):
                # Another process was quicker.
                return login
            self._check_worth_asking(login)
            return await self._ask(login)
        finally:
            lock.release()

    async def _ask(self, login: Login) -> Login:
        """Spend the refresh token."""
        folder = Path(os.path.realpath(login.file)).parent
        if not os.access(folder, os.W_OK):
            # What cannot be saved would be lost, and the login with it.
            raise _unwritable(login.file, f"{folder} is not writable")
        spent = login.refresh_token
        if not spent:
            raise SignInAgain(
                f"{login.file} holds no refresh token: sign in again with "
                "`chatmockd login`."
            )
        try:
            grant = await self._issuer.refresh(spent)
        except IssuerRefused as refusal:
            # Those who do not know our lock may have been quicker, too.
            now_there = self._still_there(login.file)
            if now_there.refresh_token != spent and not self._is_due(now_there):
                return now_there
            said = refusal.said or str(refusal.answered)
            error = SignInAgain(
                f"The ChatGPT login has ended ({said}): sign in again with "
                "`chatmockd login`."
            )
            self._failed = _Failure(spent, float("inf"), error)
            self._log.warn("{why}", why=error)
            raise error from None
        except IssuerFailed as failure:
            failure.retry_after = _BACKOFF
            until = self._clock.seconds() + _BACKOFF
            self._failed = _Failure(spent, until, failure)
            self._log.warn("the ChatGPT tokens cannot be renewed: {why}", why=failure)
            raise
        return self._save(login.file, spent, grant)

    def _save(self, file: Path, spent: str, grant: Grant) -> Login:
        # Read again: the issuer may have taken its time.
        login = self._still_there(file)
        if login.refresh_token != spent:
            # Somebody signed in meanwhile, perhaps as somebody else.
            return login
        new = login.with_tokens(
            access_token=grant.access_token,
            id_token=grant.id_token,
            refresh_token=grant.refresh_token,
            now=self._now(),
        )
        self._renewed_at = (new.access_token, self._clock.seconds())
        self._failed = self._seen = None
        self._write(spent, new)
        self._log.info("the ChatGPT tokens in {file} are renewed", file=file)
        return new

    def _write(self, spent: str | None, new: Login) -> None:
        try:
            new.save()
        except OSError as problem:
            if self._unsaved is None:
                self._log.error(
                    "{file} cannot be written: {why}; the new ChatGPT tokens are kept "
                    "in memory, and lost with this process unless that is mended",
                    file=new.file,
                    why=reason(problem),
                )
            # The tokens before are worth nothing any more; these are.
            self._unsaved = (spent, new)
        else:
            self._unsaved = None

    def _kept(self, login: Login) -> Login:
        """What we could not save, while the file is as it was then."""
        if self._unsaved is None:
            return login
        spent, new = self._unsaved
        if login.file != new.file or login.refresh_token != spent:
            self._unsaved = None
            return login
        self._write(spent, new)
        return new

    def _still_there(self, file: Path) -> Login:
        """What is in the file by now."""
        login = read(file)
        if login is None:
            raise CredentialsMissing(f"{file} is gone: sign in with `chatmockd login`.")
        return self._kept(_usable(login))

    def _check_worth_asking(self, login: Login) -> None:
        """
        @raise ChatmockdError: The answer is known already.
        """
        failed = self._failed
        if failed is not None and failed.refresh_token == login.refresh_token:
            if self._clock.seconds() < failed.until:
                raise failed.error.with_traceback(None)


def _usable(login: Login) -> Login:
    if not (login.access_token or login.refresh_token):
        raise CredentialsMissing(
            f"{login.file} holds no ChatGPT tokens: sign in with `chatmockd login`."
        )
    return login


def _unwritable(file: Path, why: str) -> IssuerFailed:
    return IssuerFailed(f"New tokens for {file} could not be saved: {why}.")


def _headers_of(login: Login) -> dict[str, str]:
    token = login.access_token or ""
    headers = {"Authorization": bearer(token, f"the token in {login.file}")}
    if login.account_id:
        account = header_value(login.account_id, f"account in {login.file}")
        headers["ChatGPT-Account-ID"] = account
    return headers


def _is_refused(login: Login, refused: Mapping[str, str]) -> bool:
    return refused.get("Authorization") == f"Bearer {login.access_token}"
