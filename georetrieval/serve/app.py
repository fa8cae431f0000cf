"""The routes of the server. `/` and `/web` are the page, `/api` is what it asks; errors are JSON with one sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from georetrieval.errors import GeoretrievalError, InputError
from georetrieval.serve.downloads import KINDS, Format, as_file
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.guard import Guard
from georetrieval.serve.page import INDEX
from georetrieval.serve.replies import RefusedError, as_json, error_json
from georetrieval.serve.searching import Body, Found, search
from georetrieval.serve.shown import Shown
from georetrieval.serve.tile_pictures import BANDS, LEAST_PX, MOST_PX
from georetrieval.serve.workroom import Workroom

PICTURE_PX = 256
MOST_RECEIVED = 3
"""Pictures that may be on their way here at once: each takes its bytes in memory."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_PICTURE = re.compile(r"([0-9]{1,9})/(photo|semantic)\.png")
_TYPES = re.compile(r"(image/[\w.+-]+|application/octet-stream)(;.*)?", re.IGNORECASE)


class Routes:
    """What is done for each address; work of more than a moment is done in a workroom."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self.searches = Workroom("search", workers=2, most=12)
        self.pictures = Workroom("picture", workers=2, most=128)
        self.loading = Workroom("load", workers=1, most=12)
        self.opening = Workroom("upload", workers=1, most=MOST_RECEIVED)
        self.evaluating = Workroom("evaluation", workers=1, most=12)
        self.receiving = 0

    async def page(self, request: Request) -> Response:
        """GET / and /web/NAME: a file of the fixed list."""
        name = request.path_params.get("name", INDEX)
        found = self.explorer.page.get(name)
        if found is None:
            raise RefusedError(404, "There is nothing at this address.")
        return found.reply(request.headers.get("if-none-match", ""), request.headers.get("accept-encoding", ""))

    async def index(self, _: Request) -> Response:
        """GET /api/index: what is shown, and in which version; a newer one is loaded now."""
        shown = await self.loading.do(self.explorer.fresh)
        return as_json(self.explorer.about(shown))

    async def tiles(self, request: Request) -> Response:
        """GET /api/tiles: all tiles, column by column."""
        headers = request.headers
        return self._shown(request).columns.reply(headers.get("if-none-match", ""), headers.get("accept-encoding", ""))

    async def polygons(self, request: Request) -> Response:
        """GET /api/tiles.geojson: all tiles, as the map draws them."""
        headers = request.headers
        return self._shown(request).polygons.reply(headers.get("if-none-match", ""), headers.get("accept-encoding", ""))

    async def tile(self, request: Request) -> Response:
        """GET /api/tiles/{n}, and /api/tiles/{n}/{photo|semantic}.png."""
        shown, rest = self._shown(request), request.path_params["rest"]
        if _NUMBER.fullmatch(rest):
            return as_json(shown.tile(int(rest)))
        asked = _PICTURE.fullmatch(rest)
        if asked is None:
            raise RefusedError(404, f"A tile has the pictures {', '.join(BANDS)}, as /api/tiles/7/photo.png.")
        px = request.query_params.get("px", str(PICTURE_PX))
        if not _NUMBER.fullmatch(px) or not LEAST_PX <= int(px) <= MOST_PX:
            raise InputError(f"px is a number from {LEAST_PX} to {MOST_PX}.")
        tag = f'"{shown.tag}-{shown.pictures.tag}-{px}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        name = str(shown.tiles.names[shown.row(int(asked[1]))])
        data = await self.pictures.do(lambda: shown.pictures.png(name, asked[2], int(px)))
        return Response(data, media_type="image/png", headers=headers)

    async def search(self, request: Request) -> Response:
        """POST /api/search."""
        shown, body = self._shown(request), await self._body(request)
        start = time.perf_counter()
        found = await self._found(shown, body)
        return as_json(found.as_dict(body) | {"took_ms": round(1000 * (time.perf_counter() - start), 1)})

    async def upload(self, request: Request) -> Response:
        """POST /api/upload: the bytes of a picture."""
        if not _TYPES.fullmatch(request.headers.get("content-type", "")):
            raise RefusedError(415, "A picture is sent as image/* or application/octet-stream.")
        self._shown(request)
        if self.receiving >= MOST_RECEIVED:
            raise RefusedError(503, "Other pictures are being sent; send this one again in a moment.")
        self.receiving += 1
        try:
            data, name = await request.body(), request.headers.get("x-name", "")
            upload = await self.opening.do(lambda: self.explorer.uploads.add(data, name))
        finally:
            self.receiving -= 1
        return as_json({"upload": upload.id, "name": upload.name, "width": upload.width, "height": upload.height,
                        "preview": f"/api/upload/{upload.id}.png"})

    async def preview(self, request: Request) -> Response:
        """GET /api/upload/ID.png."""
        name = request.path_params["name"]
        upload = self.explorer.uploads.get(name.removesuffix(".png") if name.endswith(".png") else "")
        return Response(upload.preview, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})

    async def evaluation(self, request: Request) -> Response:
        """GET /api/evaluation."""
        shown, layer = self._shown(request), self.explorer.layer
        if layer is None:
            raise RefusedError(404, "No evaluation was given; start the server with --evaluation FILE.")
        return await self.evaluating.do(lambda: as_json(layer.on(shown.tiles, shown.name)))

    async def download(self, request: Request) -> Response:
        """GET /api/download?format=&q=, and POST with the question as body."""
        shown, asked = self._shown(request), request.query_params.get("format", "")
        format_: Format | None = next((known for known in KINDS if known == asked), None)
        if format_ is None:
            raise InputError(f"format is one of {', '.join(KINDS)}.")
        body = await self._body(request) if request.method == "POST" else Body.read(request.query_params.get("q", ""))
        found = await self._found(shown, body)
        data = await self.searches.do(lambda: as_file(shown, found, format_))
        name = quote(f"{shown.version.name}-answers.{format_}")
        return Response(data, media_type=KINDS[format_], headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"})

    async def _found(self, shown: Shown, body: Body) -> Found:
        return await self.searches.do(lambda: search(shown, self.explorer.uploads, body))

    async def _body(self, request: Request) -> Body:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "A question is sent as application/json.")
        return Body.read(await request.body())

    def _shown(self, request: Request) -> Shown:
        return self.explorer.held(request.headers.get("x-index-version") or request.query_params.get("v"))


def application(explorer: Explorer, port: int) -> Guard:
    """The whole server, behind its guard, for who listens on `port`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    routes = Routes(explorer)
    table: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/", routes.page), ("GET", "/web/{name:path}", routes.page), ("GET", "/api/index", routes.index),
        ("GET", "/api/tiles", routes.tiles), ("GET", "/api/tiles.geojson", routes.polygons),
        ("GET", "/api/tiles/{rest:path}", routes.tile),
        ("POST", "/api/search", routes.search), ("POST", "/api/upload", routes.upload),
        ("GET", "/api/upload/{name}", routes.preview), ("GET", "/api/evaluation", routes.evaluation),
        ("GET", "/api/download", routes.download), ("POST", "/api/download", routes.download),
    ]
    for method, path, work in table:
        app.add_route(path, work, methods=[method])
    app.add_exception_handler(GeoretrievalError, _expected)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)
    return Guard(app, explorer.settings, port)


def _expected(_: Request, error: Exception) -> Response:
    assert isinstance(error, GeoretrievalError)
    return error_json(error)


def _http(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "There is nothing at this address.", 405: "This address is not asked that way."}
    return error_json(RefusedError(status, said.get(status, "The request is not understood.")))


def _bug(_: Request, __: Exception) -> Response:
    """The traceback is written by uvicorn, to which Starlette hands the error on."""
    return error_json(RefusedError(500, "Something went wrong in the server; it says what on its terminal."))
