"""Who may ask the page anything: this machine's browser, with the token that the terminal showed, and nobody else.

Other pages in the same browser can send requests to 127.0.0.1, or make a name of theirs point to it (DNS rebinding).
So each request must name this host, carry the token, and come from this page; each answer says that nothing but its
own scripts may run, and that nothing of it may be shown or read elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

__all__ = ["ENTRY", "LARGEST", "Guard", "RefusedError", "new_token"]

ENTRY = "/enter"
"""The address that takes the token out of the terminal's link into a cookie."""

STATIC = "/static/"
LARGEST = 1_000_000
"""Bytes of a request's body, at most."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class RefusedError(Exception):
    """Why a request is refused, with its HTTP status."""

    status: int
    reason: str


@dataclass(frozen=True)
class Guard:
    """What a request must have.

    Attributes:
        token: The secret of this start of the page.
        port: That it is served on.
    """

    token: str
    port: int

    @property
    def hosts(self) -> tuple[str, ...]:
        """How this server may be called."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def cookie(self) -> str:
        """Cookies are shared by all ports of a host, so the name says which."""
        return f"reid-review-{self.port}"

    def check(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> None:
        """Let a request pass.

        Args:
            method: Of HTTP.
            path: Without the query.
            query: Without its question mark.
            headers: By lower-case name.

        Raises:
            RefusedError: It may not.
        """
        if headers.get("host", "").lower() not in self.hosts:
            raise RefusedError(421, "This server answers to 127.0.0.1 and localhost only.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in [f"http://{host}" for host in self.hosts]:
            raise RefusedError(403, "Another page asked; only this one may.")
        site = headers.get("sec-fetch-site", "none")
        entering = path == ENTRY and method == "GET"
        if site not in ("none", "same-origin") and not entering:
            raise RefusedError(403, "Another page asked; only this one may.")
        if method not in ("GET", "HEAD"):
            if origin is None:
                raise RefusedError(403, "A change must say which page it comes from.")
            if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                raise RefusedError(415, "A change is sent as JSON.")
            length = headers.get("content-length", "")
            if not length.isdecimal() or len(length) > len(str(LARGEST)) or int(length) > LARGEST:
                raise RefusedError(413, f"A change has at most {LARGEST:,} bytes.")
        if path.startswith(STATIC) and method in ("GET", "HEAD"):
            return  # our own style and scripts, the same for everybody
        given = parse_qs(query).get("token", [""])[0] if entering else self._cookie(headers.get("cookie", ""))
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                "The token is missing or of an earlier start. Open the address that `reid review` shows in the terminal.",
            )

    def _cookie(self, text: str) -> str:
        try:
            morsel = SimpleCookie(text).get(self.cookie)
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    def middleware(self, app: Any, refusal: Any) -> Any:
        """An ASGI application that lets through to `app` what may pass; `refusal(RefusedError)` gives the answer to the rest."""

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return  # no web sockets here
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            answer = app
            try:
                self.check(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers)
            except RefusedError as refused:
                answer = refusal(refused)

            async def with_headers(message: Any) -> None:
                if message["type"] == "http.response.start":
                    own = {name for name, _ in message["headers"]}
                    extra = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own]
                    if b"cache-control" not in own:
                        extra.append((b"cache-control", b"no-store"))
                    message = {**message, "headers": [*message["headers"], *extra]}
                await send(message)

            await answer(scope, receive, with_headers)

        return guarded
