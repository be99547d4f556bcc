"""The C{auth.json} that ChatMock, Codex and we share: places, reading, writing.

Nothing in it that we do not know is lost when it is written again.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from chatmockd.account.claims import Claims
from chatmockd.errors import CredentialsMissing

_MOST = 1_048_576  # bytes; a login takes about 5,000

# What tells the versions of a file apart: when modified, size, inode.
Stamp = tuple[int, int, int]


class _Tokens(msgspec.Struct):
    access_token: str | None = None
    id_token: str | None = None
    refresh_token: str | None = None
    account_id: str | None = None


class _Known(msgspec.Struct):
    tokens: _Tokens | None = None
    last_refresh: object = None


@dataclass(frozen=True)
class Login:
    """
    What one C{auth.json} says.

    @ivar document: All of it, the unknown keys as they stand there.
    """

    file: Path
    document: Mapping[str, msgspec.Raw] = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    named_account: str | None = None
    refreshed_at: float | None = None

    @cached_property
    def account_id(self) -> str | None:
        """The account that the file names, else the one that its tokens are for."""
        return (
            self.named_account
            or Claims(self.id_token).account_id
            or Claims(self.access_token).account_id
        )

    @property
    def email(self) -> str | None:
        """Who signed in."""
        return Claims(self.id_token).email or Claims(self.access_token).email

    @property
    def plan(self) -> str | None:
        """C{plus}, C{pro}, C{team}, ..."""
        return Claims(self.access_token).plan or Claims(self.id_token).plan

    @cached_property
    def expires_at(self) -> float | None:
        """Until when the access token is good, in Unix seconds."""
        return Claims(self.access_token).expires_at

    def with_tokens(
        self,
        *,
        access_token: str,
        id_token: str | None,
        refresh_token: str | None,
        now: float,
    ) -> Login:
        """This login with new tokens; what is None stays as it is."""
        new = {
            name: value
            for name, value in (
                ("access_token", access_token),
                ("id_token", id_token),
                ("refresh_token", refresh_token),
            )
            if value is not None
        }
        document = dict(self.document)
        tokens = _members(document.get("tokens"))
        tokens.update((name, _raw(value)) for name, value in new.items())
        document["tokens"] = _raw(tokens)
        document["last_refresh"] = _raw(_rfc3339(now))
        return _login(self.file, document)

    def signed_in(
        self,
        *,
        access_token: str,
        id_token: str | None,
        refresh_token: str | None,
        now: float,
    ) -> Login:
        """This file after a new login, of whoever it was before."""
        account = Claims(id_token).account_id or Claims(access_token).account_id
        tokens = {
            "id_token": id_token,
            "access_token": access_token,
            "refresh_token": refresh_token,
            "account_id": account,
        }
        document = dict(self.document)
        document["auth_mode"] = _raw("chatgpt")
        document.setdefault("OPENAI_API_KEY", _raw(None))
        document["tokens"] = _raw(tokens)
        document["last_refresh"] = _raw(_rfc3339(now))
        return _login(self.file, document)

    def signed_out(self) -> Login:
        """This file without its tokens."""
        document = dict(self.document)
        for name in ("tokens", "last_refresh", "auth_mode"):
            document.pop(name, None)
        return _login(self.file, document)

    def save(self) -> None:
        """
        Write it: as a whole or not at all, and for nobody else to read.

        @raise OSError: The file is as it was.
        """
        text = msgspec.json.format(msgspec.json.encode(dict(self.document)), indent=2)
        _replace(self.file, text + b"\n")


def places(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where an C{auth.json} may be; the first that exists counts."""
    return [*_named(environ), *(home / name / "auth.json" for name in _FOLDERS)]


def place_to_write(environ: Mapping[str, str], home: Path) -> Path:
    """
    Where a new login goes, and is then the one that counts.

    A folder that is named is meant, as in ChatMock: over somebody's everyday login in
    his home, one would not write what was to be kept apart.
    """
    for file in _named(environ):
        return file
    at_home = places({}, home)
    return next((file for file in at_home if file.exists()), at_home[0])


_FOLDERS = (".chatgpt-local", ".codex")


def _named(environ: Mapping[str, str]) -> list[Path]:
    folders = (environ.get("CHATGPT_LOCAL_HOME"), environ.get("CODEX_HOME"))
    return [absolute(folder) / "auth.json" for folder in folders if folder]


def absolute(path: str | Path) -> Path:
    """C{path}, made independent of where the daemon changes to in the background."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        # There is no such user; reading the file will say that it does not exist.
        return Path(path).absolute()


def stamp_of(file: Path) -> Stamp | None:
    """What changes when the file does; None when there is none, or no telling."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(file: Path) -> Login | None:
    """
    What is in the file; None when there is none.

    @raise CredentialsMissing: It is there, and is no login that could be read.
    """
    try:
        text = _text_of(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise CredentialsMissing(f"{file} cannot be read: {reason(problem)}.") from None
    try:
        if len(text) > _MOST:
            raise ValueError
        # What is passed over undecoded need not even be text.
        text.decode()
        return _login(file, msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise CredentialsMissing(
            f"{file} is not a login: sign in again with `chatmockd login`."
        ) from None


def blank(file: Path) -> Login:
    """A file in which nothing stands yet."""
    return Login(file, {})


def reason(problem: OSError) -> str:
    """Why the system refused, in its words."""
    return os.strerror(problem.errno or 0)


def _text_of(file: Path) -> bytes:
    # Opening a FIFO would wait until somebody writes to it.
    number = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb") as opened:
        mode = os.fstat(number).st_mode
        if not stat.S_ISREG(mode):
            folder = stat.S_ISDIR(mode)
            raise OSError(errno.EISDIR if folder else errno.EINVAL, "")
        return opened.read(_MOST + 1)


def _login(file: Path, document: Mapping[str, msgspec.Raw]) -> Login:
    known = msgspec.json.decode(msgspec.json.encode(dict(document)), type=_Known)
    tokens = known.tokens or _Tokens()
    return Login(
        file,
        document,
        tokens.access_token,
        tokens.id_token,
        tokens.refresh_token,
        tokens.account_id,
        _seconds(known.last_refresh),
    )


def _replace(file: Path, text: bytes) -> None:
    # A link stays one, and what it leads to is written.
    real = Path(os.path.realpath(file))
    real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=real.parent, prefix=".auth-", suffix=".json")
    try:
        with open(number, "wb") as draft:
            draft.write(text)
            draft.flush()
            os.fsync(number)
        try:
            os.replace(name, real)
        except OSError as problem:
            if problem.errno != errno.EBUSY:
                raise
            # A file that is mounted by itself, as into a container, can only be
            # written where it is.
            _overwrite(real, text)
            os.unlink(name)
    except BaseException:
        os.unlink(name)
        raise
    folder = os.open(real.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _overwrite(file: Path, text: bytes) -> None:
    with open(file, "r+b") as opened:
        opened.write(text)
        opened.truncate()
        opened.flush()
        os.fsync(opened.fileno())


def _members(raw: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    if raw is None:
        return {}
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw] | None) or {}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _rfc3339(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")


def _seconds(text: object) -> float | None:
    """Unix seconds of an RFC 3339 time; None when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        # One without a zone is meant as UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
