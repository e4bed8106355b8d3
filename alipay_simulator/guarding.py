"""The door: who may ask at all, and what every page says about itself to the browser.

Only this machine, only under a loopback name (so that a foreign page cannot rebind a name to us), and what
changes something is only taken from our own pages or from a program, never from another site's form. The
gateway itself is exempt from the last rule: a merchant's page posts its form there, signed.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alipay_simulator.settings import loopback

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'{}; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-simulator": "no money moves",
}


class Door:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = _refusal(scope)
        if refused:
            await PlainTextResponse(refused, 403, HEADERS)(scope, receive, send)
            return

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", POLICY.format(""))
            await send(message)

        await self._app(scope, receive, labelled)


def _refusal(scope: Scope) -> str:
    headers = Headers(scope=scope)
    client = scope.get("client")
    if client is None or not loopback(client[0]):
        return "The simulator answers only its own machine."
    if not loopback(_host(headers.get("host", ""))):
        return "The simulator answers only under a loopback name."
    if (
        scope["method"] not in ("GET", "HEAD")
        and scope["path"] != "/gateway.do"
        and _foreign(headers)
    ):
        return "Only the simulator's own pages may ask for this."
    return ""


def _host(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _foreign(headers: Headers) -> bool:
    """A browser names the page that asks; a program names none."""
    origin = headers.get("origin")
    if origin in (None, ""):
        return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    if origin == "null":
        return headers.get("sec-fetch-site") != "same-origin"
    return urlsplit(origin).netloc != headers.get("host")


def policy_for(*urls: str) -> str:
    """The page's policy where its form may end at the merchant: browsers check redirects of forms too."""
    origins = {
        f"{parts.scheme}://{parts.netloc}"
        for url in urls
        if url and (parts := urlsplit(url)).netloc
    }
    safe = sorted(origin for origin in origins if not set(origin) & set(" ;,'\"\r\n"))
    return POLICY.format("".join(f" {origin}" for origin in safe))
