"""What a link with a token opens: a page that keeps the token as a cookie and goes on by itself.

A browser does not send a strict cookie with a navigation that another site began, a mail on the web for instance, nor
with what that navigation is redirected to. From this page it is our own origin that navigates.
"""

from __future__ import annotations

import base64
import hashlib

from starlette.responses import HTMLResponse, Response

_SCRIPT = 'location.replace("/" + location.hash)'
_PAGE = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>georetrieval</title>
<noscript><meta http-equiv="refresh" content="0;url=/"></noscript></head>
<body><p><a href="/">georetrieval</a></p><script>{_SCRIPT}</script></body>
</html>
"""
_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = f"default-src 'none'; script-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; " \
          "frame-ancestors 'none'"
"""This one script, and nothing from anywhere."""


def entrance(cookie: str, token: str, *, secure: bool = False) -> Response:
    """The page that hands out the cookie; no cache keeps it, and what follows the # in the link stays.

    Parameters
    ----------
    secure : the cookie is sent over TLS alone
    """
    page = HTMLResponse(_PAGE, headers={"Cache-Control": "no-store", "Content-Security-Policy": _POLICY})
    page.set_cookie(cookie, token, path="/", httponly=True, secure=secure, samesite="strict")
    return page
