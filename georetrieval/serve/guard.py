"""The door of the server: who may ask, from which page, and how much may be sent.

A page elsewhere in the same browser can send requests here, and a name of its own can be made to mean this machine
(DNS rebinding), so that both the Host and where a request comes from are looked at, not only the address that is bound.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from georetrieval.serve.entrance import entrance
from georetrieval.serve.replies import RefusedError, error_json
from georetrieval.serve.settings import Settings

MOST_HEADERS = 64
MOST_HEADER_BYTES = 16 << 10
MOST_FIELDS = 32
JSON_BYTES = 64 << 10
"""Of a body that is no picture."""
BODY_S = 60.0
IGN = "https://data.geopf.fr"
UPLOAD = "/api/upload"


def page_headers(basemap: str | None) -> list[tuple[bytes, bytes]]:
    """What every answer tells a browser: to load nothing from elsewhere, and to be shown in no other page.

    *Source*: OWASP, HTTP Security Response Headers Cheat Sheet.
    """
    far = f" {IGN}" if basemap == "ign" else ""
    policy = (f"default-src 'self'; img-src 'self' data: blob:{far}; worker-src 'self' blob:; connect-src 'self'{far}; "
              "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    named = {
        "content-security-policy": policy, "x-content-type-options": "nosniff", "x-frame-options": "DENY",
        "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    return [(name.encode(), value.encode()) for name, value in named.items()]


class Guard:
    """Wraps the application: refuses strangers, bounds bodies, adds the headers of `page_headers`."""

    body_s = BODY_S

    def __init__(self, app: ASGIApp, settings: Settings, port: int) -> None:
        self.app, self.settings = app, settings
        self.hosts = settings.hosts(port)
        self.cookie = f"georetrieval-{port}"
        self.headers = page_headers(settings.basemap)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"only http is served, not {scope['type']}")

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", [])
                named = {name.lower() for name, _ in own}  # the entrance is stricter than the page
                message["headers"] = [*own, *(one for one in self.headers if one[0] not in named)]
            await send(message)

        try:
            entered = self._admit(scope)
            bounded = self._bounded(scope, receive)
        except RefusedError as error:
            await error_json(error)(scope, receive, told)
            return
        if entered is not None:
            await entered(scope, receive, told)
            return
        await self.app(scope, bounded, told)

    def _admit(self, scope: Scope) -> Response | None:
        """RefusedError for a stranger; the entrance for who came by a link with the token; None for all others."""
        headers = scope["headers"]
        if len(headers) > MOST_HEADERS or sum(len(a) + len(b) for a, b in headers) > MOST_HEADER_BYTES:
            raise RefusedError(400, f"More than {MOST_HEADERS} headers, or {MOST_HEADER_BYTES} bytes of them.")
        named = {name: _texts(headers, name) for name in (b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode")}
        self._same_place(scope, named)
        if scope["query_string"].count(b"&") >= MOST_FIELDS:
            raise RefusedError(400, f"More than {MOST_FIELDS} fields in an address.")
        return self._token(scope)

    def _same_place(self, scope: Scope, named: dict[bytes, list[str]]) -> None:
        hosts, origins = named[b"host"], named[b"origin"]
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            raise RefusedError(403, "This server answers only under its own name; open it by the address that it "
                                    "printed, or name another one with --allow-host or --public.")
        public = self.settings.origin
        own = {public, f"http://{hosts[0].lower()}"}
        if public is not None and hosts[0].lower() == public.partition("//")[2]:
            own = {public}  # the same name without TLS is another page
        if any(origin.lower() not in own for origin in origins):
            raise RefusedError(403, "Another page asked; only the server's own page may.")
        opened = scope["path"] == "/" and scope["method"] == "GET" and named[b"sec-fetch-mode"] == ["navigate"]
        if any(site not in ("same-origin", "none") for site in named[b"sec-fetch-site"]) and not opened:
            raise RefusedError(403, "Another page asked; only the server's own page may.")

    def _token(self, scope: Scope) -> Response | None:
        token = self.settings.token
        if token is None:
            return None
        bearers = [text.removeprefix("Bearer ") for text in _texts(scope["headers"], b"authorization")]
        if any(_same(given, token) for given in (*bearers, *self._cookies(scope["headers"]))):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=MOST_FIELDS).get("token", [])
        if scope["method"] == "GET" and scope["path"] == "/" and len(given) == 1 and _same(given[0], token):
            return entrance(self.cookie, token, secure=self.settings.secure)
        raise RefusedError(403, "A token is needed: open the address that the server printed, or send the header "
                                "Authorization: Bearer TOKEN.")

    def _cookies(self, headers: Any) -> list[str]:
        """Ours among the cookies, which programs on all ports of a host share, whatever they put into theirs."""
        return [value for text in _texts(headers, b"cookie")
                if (value := cookie_parser(text).get(self.cookie)) is not None]

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` of at most so many bytes within so many seconds, whatever Content-Length says."""
        most = self.settings.upload_bytes if scope["path"] == UPLOAD else JSON_BYTES
        too_much = RefusedError(413, f"More than {most >> 10} KiB were sent; nothing was kept.")
        lengths = _texts(scope["headers"], b"content-length")
        if any(not length.isdecimal() or len(length) > 18 or int(length) > most for length in lengths):
            raise too_much
        deadline, seen = asyncio.get_running_loop().time() + self.body_s, 0

        async def bounded() -> Message:
            nonlocal seen
            if seen < 0:  # the whole body was read: this waits for the client to leave
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise RefusedError(408, "The request came too slowly.") from None
            seen += len(message.get("body", b""))
            if seen > most:
                raise too_much
            if not message.get("more_body", False):
                seen = -1
            return message

        return bounded


def _texts(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key == name]


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
