"""The issuer's endpoints, for browsers and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from twisted.web.resource import Resource
from twisted.web.server import Request

from chatmockd.simulator.accounts import Accounts, Denied

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def account_pages(accounts: Accounts) -> Mapping[str, Resource]:
    """All of them, by path."""

    def token(said: Mapping[str, str]) -> dict[str, Any]:
        match said.get("grant_type"):
            case "authorization_code":
                return accounts.exchange(
                    said.get("client_id", ""),
                    said.get("code", ""),
                    said.get("code_verifier", ""),
                    said.get("redirect_uri", ""),
                )
            case "refresh_token":
                return accounts.refresh(
                    said.get("client_id", ""), said.get("refresh_token", "")
                )
        raise Denied("unsupported_grant_type")

    def revoke(said: Mapping[str, str]) -> dict[str, Any]:
        accounts.revoke(said.get("token", ""))
        return {}

    def user_code(said: Mapping[str, str]) -> dict[str, Any]:
        device_id, code = accounts.begin_device(said.get("client_id", ""))
        return {"device_auth_id": device_id, "user_code": code, "interval": "1"}

    def device_token(said: Mapping[str, str]) -> dict[str, Any]:
        code, verifier = accounts.poll_device(
            said.get("device_auth_id", ""), said.get("user_code", "")
        )
        return {"authorization_code": code, "code_verifier": verifier}

    def counts() -> dict[str, Any]:
        return {
            "refreshes": accounts.refreshes,
            "reuses": accounts.reuses,
            "revoked": accounts.revoked,
        }

    def forget(said: Mapping[str, str]) -> dict[str, Any]:
        accounts.forget_access()
        return {}

    return {
        "/oauth/authorize": _Authorize(accounts),
        "/oauth/token": _Asked(token),
        "/oauth/revoke": _Asked(revoke),
        "/api/accounts/deviceauth/usercode": _Asked(user_code),
        "/api/accounts/deviceauth/token": _Asked(device_token),
        "/codex/device": _Device(accounts),
        # No issuer has these: they are for whoever tries things out.
        "/simulated/account": _Told(counts),
        "/simulated/account/forget": _Asked(forget),
    }


class _Authorize(Resource):
    """Sends the browser back at once, as if its user had agreed."""

    isLeaf = True

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self._accounts = accounts

    def render_GET(self, request: Request) -> bytes:
        asked = _query(request)
        uri = asked.get("redirect_uri", "")
        # Whoever runs a simulator does not want to run an open redirector.
        if (
            urlsplit(uri).hostname not in _LOOPBACK
            or asked.get("response_type") != "code"
            or asked.get("code_challenge_method") != "S256"
        ):
            return _answer(request, {"error": "invalid_request"}, 400)
        code = self._accounts.agree(
            asked.get("client_id", ""), uri, asked.get("code_challenge", "")
        )
        query = urlencode({"code": code, "state": asked.get("state", "")})
        request.redirect(f"{uri}?{query}".encode("ascii", "replace"))
        return b""


class _Device(Resource):
    """Where the user of a device types its code: C{?user_code=}."""

    isLeaf = True

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self._accounts = accounts

    def render_GET(self, request: Request) -> bytes:
        request.setHeader("content-type", "text/html; charset=utf-8")
        code = _query(request).get("user_code")
        if code is None:
            return b"<form>Code: <input name=user_code> <button>Agree</button></form>"
        if self._accounts.agree_to_device(code):
            return b"Agreed."
        request.setResponseCode(404)
        return b"No device shows this code."


class _Asked(Resource):
    """Answers a POST in JSON or as a form."""

    isLeaf = True

    def __init__(self, answer: Callable[[Mapping[str, str]], dict[str, Any]]) -> None:
        super().__init__()
        self._answer = answer

    def render_POST(self, request: Request) -> bytes:
        try:
            return _answer(request, self._answer(_said(request)))
        except Denied as denied:
            # In the shape that Codex reads.
            error = {"message": denied.code, "type": "invalid_request_error"}
            body = {"error": {**error, "param": None, "code": denied.code}}
            return _answer(request, body, denied.status)


class _Told(Resource):
    """Answers a GET."""

    isLeaf = True

    def __init__(self, tell: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._tell = tell

    def render_GET(self, request: Request) -> bytes:
        return _answer(request, self._tell())


def _answer(request: Request, body: dict[str, Any], status: int = 200) -> bytes:
    request.setResponseCode(status)
    request.setHeader("content-type", "application/json")
    return msgspec.json.encode(body)


def _said(request: Request) -> Mapping[str, str]:
    """
    The members of a body that are texts.

    @raise Denied: It is no JSON object.
    """
    body = request.content.read() if request.content is not None else b""
    kind = request.getHeader("content-type") or ""
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        said = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Denied("invalid_request") from None
    return {name: value for name, value in said.items() if isinstance(value, str)}


def _query(request: Request) -> dict[str, str]:
    query = (request.uri or b"").partition(b"?")[2]
    return dict(parse_qsl(query.decode("utf-8", "replace")))
